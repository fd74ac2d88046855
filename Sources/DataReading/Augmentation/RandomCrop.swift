import Arenas
import Configuration

/// A window at a random place of the picture with a border around it; evaluation takes the middle.
///
/// As torchvision's `RandomCrop`: "size" is the picture's own where it is not written.
package struct RandomCrop: ImageTransform {
  /// What lies in the border.
  package enum PaddingMode: String, CaseIterable, Sendable {
    case constant, edge, reflect
  }

  package static let kind = "random_crop"
  package static let documentation = "a window at a random place, of the padded picture if there is padding"

  private let size: AxisPair?
  private let padding: Int
  private let mode: PaddingMode
  private let fill: Fill

  static let largestSize = 1 << 14

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    size = try reader.optionalPair(
      "size", in: 1...Self.largestSize,
      "pixels of the window: one number or [height, width]; the picture's own if absent")
    padding = try reader.integer("padding", default: 0, in: 0...4096, "pixels put around the picture before")
    let mode: PaddingMode? = try reader.optionalChoice(
      "padding_mode",
      "what the padding shows: one colour, the border's pixels, the picture mirrored; constant if absent")
    let fill = try Fill(from: reader)
    try reader.require(size != nil || padding > 0, nil, "never moves anything: give \"padding\" or \"size\"")
    try reader.require(mode == nil || padding > 0, "padding_mode", "never used without \"padding\"")
    try reader.require(
      fill == nil || padding > 0 && (mode ?? .constant) == .constant, "fill", "never used without constant \"padding\"")
    self.mode = mode ?? .constant
    self.fill = fill ?? .black
  }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape {
    try fill.check(input)
    let output = input.sized(size)
    guard output.height <= input.height + 2 * padding, output.width <= input.width + 2 * padding else {
      throw refusal(
        expected: "a size of at most \(input.height + 2 * padding)×\(input.width + 2 * padding), the padded picture's",
        found: "\(output.height)×\(output.width)")
    }
    guard mode != .reflect || padding < min(input.height, input.width) else {
      throw refusal(
        expected: "padding below \(min(input.height, input.width)), as it mirrors the picture", found: "\(padding)")
    }
    return output
  }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    let input = canvas.shape
    let output = input.sized(size)
    let (free, freeAcross) = (input.height + 2 * padding - output.height, input.width + 2 * padding - output.width)
    let top = (dice?.integer(below: free + 1) ?? free / 2) - padding
    let left = (dice?.integer(below: freeAcross + 1) ?? freeAcross / 2) - padding
    guard input != output || top != 0 || left != 0 else { return }
    let channels = input.channels
    // Columns of the window that show the picture itself.
    let first = min(max(0, -left), output.width)
    let end = max(first, min(output.width, input.width - left))
    canvas.redraw(as: output) { source, target in
      for y in 0..<output.height {
        let row = target.slice(y * output.rowCount..<(y + 1) * output.rowCount)
        guard let line = place(top + y, in: input.height) else {
          fill.paint(row, columns: 0..<output.width, channels: channels)
          continue
        }
        let from = source.slice(line * input.rowCount..<(line + 1) * input.rowCount)
        row.slice(first * channels..<end * channels)
          .copy(from: from.slice((left + first) * channels..<(left + end) * channels))
        border(row, columns: 0..<first, from, left, input)
        border(row, columns: end..<output.width, from, left, input)
      }
    }
  }

  private func border(
    _ row: TensorSlice, columns: Range<Int>, _ source: TensorSlice, _ left: Int, _ input: ImageShape
  ) {
    guard mode != .constant else { return fill.paint(row, columns: columns, channels: input.channels) }
    for column in columns {
      guard let from = place(left + column, in: input.width) else { continue }
      row.slice(column * input.channels..<(column + 1) * input.channels)
        .copy(from: source.slice(from * input.channels..<(from + 1) * input.channels))
    }
  }

  /// The row or column that stands at `index`, which may lie outside; nil where it shows the fill.
  private func place(_ index: Int, in extent: Int) -> Int? {
    switch mode {
    case _ where index >= 0 && index < extent: index
    case .constant: nil
    case .edge: min(max(index, 0), extent - 1)
    case .reflect: index < 0 ? -index : 2 * (extent - 1) - index
    }
  }
}
