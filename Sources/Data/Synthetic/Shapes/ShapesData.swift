import Configuration
import Tensors

/// 32×32 color images of circles, squares, triangles and stars over textures: a substitute for small photographs that
/// needs no download.
///
/// Besides "input" and "target" a sample has the fields "shape" and "color", and a "caption" such as "a red circle".
package struct ShapesData: DataKind {
  /// The property that a model learns to recognize.
  package enum Target: String, CaseIterable, Sendable {
    case shape, color
    case both = "shape_and_color"
  }

  package static let kind = "shapes"
  package static let documentation =
    "generated: 32×32 color circles, squares, triangles and stars over textured backgrounds"
  package static let side = ShapesRenderer.side
  package static let defaultCount = 10_000
  package static let largestCount = 2_000_000
  package static let shapeNames = ShapesRenderer.Shape.allCases.map(\.rawValue)
  package static let colorNames = ShapesRenderer.colors.map(\.name)

  /// "a red circle": by shape, then by color.
  package static let captions = shapeNames.flatMap { shape in
    colorNames.map { color in "\("aeiou".contains(color.prefix(1)) ? "an" : "a") \(color) \(shape)" }
  }

  package var count = defaultCount
  package var target = Target.shape
  /// How busy the backgrounds are: 0 is one plain gray.
  package var clutter = 1.0

  package init(count: Int = defaultCount) { self.count = count }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    count = try reader.integer("count", default: Self.defaultCount, in: 1...Self.largestCount, "number of images")
    target = try reader.choice(
      "target", default: .shape, "the class: one of 4 shapes, of 8 colors, or of 32 pairs")
    clutter = try reader.number("clutter", default: 1, in: 0...2, "strength of backgrounds and noise")
  }

  /// All images [count, 32, 32, 3], their shapes [count] and colors [count] by number.
  package func generate(seed: UInt64) -> (pixels: [UInt8], shapes: [Int32], colors: [Int32]) {
    let parts = Parallel.map(count: count, chunk: Self.imagesPerPart) { range in draw(range, seed: seed) }
    var all = (pixels: [UInt8](), shapes: [Int32](), colors: [Int32]())
    all.pixels.reserveCapacity(count * ShapesRenderer.valueCount)
    for part in parts {
      all.pixels += part.pixels
      all.shapes += part.shapes
      all.colors += part.colors
    }
    return all
  }

  /// Image `index` alone.
  package func image(_ index: Int, seed: UInt64) -> (pixels: [UInt8], shape: Int32, color: Int32) {
    let (pixels, shapes, colors) = draw(index..<index + 1, seed: seed)
    return (pixels, shapes[0], colors[0])
  }

  private static let imagesPerPart = 500

  private func draw(_ range: Range<Int>, seed: UInt64) -> (pixels: [UInt8], shapes: [Int32], colors: [Int32]) {
    var renderer = ShapesRenderer(seed: seed, clutter: Float(clutter))
    var pixels: [UInt8] = []
    pixels.reserveCapacity(range.count * ShapesRenderer.valueCount)
    let drawn = range.map { renderer.draw($0, onto: &pixels) }
    return (pixels, drawn.map { Int32($0.shape) }, drawn.map { Int32($0.color) })
  }

  /// `troupe dataset make shapes`: the images, and the number of each one's shape, as IDX files.
  package func write(to folder: String, seed: UInt64, replacing: Bool = false) throws(DataError) {
    let (pixels, shapes, _) = generate(seed: seed)
    try IDXFolder.write(
      pixels: pixels, height: Self.side, width: Self.side, channels: 3, labels: shapes.map { UInt8($0) }, to: folder,
      replacing: replacing)
  }

  /// Pixels twice, when the parts are put together, and four numbers.
  package var expectedByteCount: Int? { count * (2 * ShapesRenderer.valueCount + 16) }

  package var outline: (few: any DataKind, count: Int)? {
    var few = self
    few.count = 1
    return (few, count)
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    let (pixels, shapes, colors) = generate(seed: seed)
    func labels(_ name: String, _ names: [String], _ numbers: [Int32]) -> MemorySamples.Column {
      var field = SampleField(name: name, shape: .scalar, type: .int32, classCount: names.count, classNames: names)
      field.isOptional = name != SampleField.target
      return .init(field, .integers(numbers))
    }
    let pairs = zip(shapes, colors).map { $0 * Int32(Self.colorNames.count) + $1 }
    let targets =
      switch target {
      case .shape: labels(SampleField.target, Self.shapeNames, shapes)
      case .color: labels(SampleField.target, Self.colorNames, colors)
      case .both:
        labels(
          SampleField.target, Self.shapeNames.flatMap { shape in Self.colorNames.map { "\($0) \(shape)" } },
          pairs)
      }
    let input = SampleField.input(of: TensorShape([Self.side, Self.side, 3]))
    let settings = "shapes \(ShapesRenderer.version) \(count) \(target.rawValue) \(clutter) \(seed)"
    return OpenedSamples(
      samples: MemorySamples(
        name: Self.kind, count: count,
        columns: [
          .init(input, .bytes(pixels)), targets, labels("shape", Self.shapeNames, shapes),
          labels("color", Self.colorNames, colors), labels(SampleField.caption, Self.captions, pairs),
        ], fingerprint: Fingerprint.of(settings, count: count)))
  }
}
