import Formats
import Layers
import Models
import Runs
import Tensors

/// Filters or feature maps of a layer, drawn as tiles of one image.
package struct LayerSheet: Sendable {
  package let layer: String
  package let image: Image
  /// The meaning of a tile and of its levels.
  package let explanation: String
  package let shown: Int
  package let total: Int

  /// The most tiles of a sheet.
  static let mostTiles = 256
  /// The most columns, and rows, of a sheet with one per channel.
  static let mostChannels = 16
  /// The approximate side of a tile in pixels.
  private static let tileSide = 48
  private static let background: UInt8 = 96

  /// - Parameter columns: nil for a roughly square sheet.
  init(layer: String, _ tiles: [Image], of total: Int, columns: Int? = nil, explanation: String) {
    self.layer = layer
    self.explanation = explanation
    self.total = total
    shown = tiles.count
    let side = max(tiles[0].width, tiles[0].height)
    let zoom = max(1, (Self.tileSide + side / 2) / side)
    image = Image(sheet: tiles.map { $0.magnified(by: zoom) }, columns: columns, background: Self.background)
  }
}

extension Predictor {
  /// The filters of a layer: a convolution's kernels, or the rows of a linear layer that reads the input's pixels.
  ///
  /// - Parameter layer: by default the first convolution, or the first layer without one.
  package func filters(of layer: String? = nil) throws(RunError) -> LayerSheet {
    let known = filterLayers
    let first = known.first { $0.entry.shape.rank == 4 } ?? known.first
    guard let found = layer.map({ name in known.first { $0.layer == name } }) ?? first else {
      let reason = layer.map { "\"\($0)\" has no filters to draw" } ?? "no layer has filters to draw"
      throw RunError(.configuration, "--layer: \(reason); \(Self.listing(known.map(\.layer)))")
    }
    let weights = state.table.slice(found.entry, in: state.parameters).floats
    let shape = found.entry.shape
    let scale = "each filter on its own scale: mid-gray is 0, black and white its largest weight below and above"
    if shape.rank == 2 {
      let tiles = (0..<min(shape[0], LayerSheet.mostTiles)).map { row in
        Image(weights: weights.extracting(row * shape[1]..<(row + 1) * shape[1]), input.shape)
      }
      return LayerSheet(layer: found.layer, tiles, of: shape[0], explanation: "weights of the input's pixels, \(scale)")
    }
    let (filters, channels, area) = (shape[0], shape[1], shape[2] * shape[3])
    if channels == 1 || channels == 3 {
      // From (channel, row, column) to (row, column, channel).
      let tiles = (0..<min(filters, LayerSheet.mostTiles)).map { filter in
        let kernel = (0..<area * channels).map { weights[(filter * channels + $0 % channels) * area + $0 / channels] }
        return Image(weights: kernel.span, TensorShape([shape[2], shape[3], channels]))
      }
      let kind = channels == 1 ? "filters" : "filters in color"
      return LayerSheet(layer: found.layer, tiles, of: filters, explanation: "\(kind), \(scale)")
    }
    let (rows, columns) = (min(filters, LayerSheet.mostChannels), min(channels, LayerSheet.mostChannels))
    let tiles = (0..<rows * columns).map { tile in
      let first = (tile / columns * channels + tile % columns) * area
      return Image(weights: weights.extracting(first..<first + area), TensorShape([shape[2], shape[3], 1]))
    }
    return LayerSheet(
      layer: found.layer, tiles, of: filters * channels, columns: columns,
      explanation: "a row is a filter, a column one of its input channels; each tile on its own scale: mid-gray is 0")
  }

  /// Layers whose weights can be drawn, from the input on, with those weights.
  private var filterLayers: [(layer: String, entry: ParameterTable.Entry)] {
    plan.steps.compactMap { step in
      let entry = step.parameters.lazy.map { self.state.table.entries[$0] }.first { entry in
        // A kernel of one pixel shows nothing.
        let shape = entry.shape
        return shape.rank == 4
          ? shape[2] * shape[3] > 1 : shape.rank == 2 && shape[1] == self.input.shape.elementCount
      }
      return entry.map { (step.name, $0) }
    }
  }

  /// A layer's output for an image: its maps, or its outputs as one roughly square map.
  ///
  /// Only for a predictor that `keepsOutputs`.
  package func features(of layer: String, for adapted: Adapted) throws(RunError) -> LayerSheet {
    let steps = plan.steps.filter { $0.output.count > 0 }
    guard let step = steps.first(where: { $0.name == layer }) else {
      throw RunError(.configuration, "--layer: no layer is called \"\(layer)\"; \(Self.listing(steps.map(\.name)))")
    }
    _ = predict(adapted)
    let values = wide(step.output)
    let shape = step.layer.outputShape
    switch shape.rank {
    case 2:
      let side = Int(Double(shape[1]).squareRoot().rounded(.up))
      let (lowest, highest) = values.span.extremes
      let padded = values + [Float](repeating: lowest, count: side * side - values.count)
      let tile = Image(levels: padded.span, TensorShape([side, side, 1]), black: lowest, white: highest)
      return LayerSheet(
        layer: layer, [tile], of: 1,
        explanation: "\(shape[1]) outputs, row by row: \(Self.text(lowest)) is black, \(Self.text(highest)) white")
    case 4:
      let (area, maps) = (shape[1] * shape[2], shape[3])
      let tiles = (0..<min(maps, LayerSheet.mostTiles)).map { map in
        let plane = (0..<area).map { values[$0 * maps + map] }
        let (lowest, highest) = plane.span.extremes
        return Image(levels: plane.span, TensorShape([shape[1], shape[2], 1]), black: lowest, white: highest)
      }
      return LayerSheet(
        layer: layer, tiles, of: maps,
        explanation: "feature maps, each from black, its lowest value, to white, its highest")
    default:
      throw RunError(.configuration, "--layer \(layer): expected maps or one row of outputs, found the shape \(shape)")
    }
  }

  private static func text(_ value: Float) -> String { "\((value * 1000).rounded() / 1000)" }

  /// The first names to choose from.
  private static func listing(_ names: [String]) -> String {
    let most = 12
    guard !names.isEmpty else { return "there are none" }
    let rest = names.count > most ? " and \(names.count - most) more" : ""
    return "there are " + names.prefix(most).joined(separator: ", ") + rest
  }
}

extension Image {
  /// Weights with 0 as mid-gray and the largest absolute value as black or white.
  fileprivate init(weights: Span<Float>, _ shape: TensorShape) {
    let (lowest, highest) = weights.extremes
    let largest = max(abs(lowest), abs(highest), .leastNormalMagnitude)
    self.init(levels: weights, shape, black: -largest, white: largest)
  }
}
