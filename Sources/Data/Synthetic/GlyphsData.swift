import Configuration
import Tensors

/// 28×28 gray images of handwritten-looking digits, drawn from strokes: a substitute for MNIST that needs no download.
package struct GlyphsData: DataKind {
  package static let kind = "glyphs"
  package static let documentation =
    "generated: 28×28 gray digits drawn from strokes, like MNIST in form and difficulty"
  package static let side = GlyphRenderer.side
  package static let classes = 10
  package static let defaultCount = 10_000
  package static let largestCount = 2_000_000

  package var count = defaultCount
  /// How much the writing varies; 0 writes every style always the same way.
  package var distortion = 1.0

  package init(count: Int = defaultCount) { self.count = count }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    count = try reader.integer(
      "count", default: Self.defaultCount, in: 1...Self.largestCount, "number of images")
    distortion = try reader.number(
      "distortion", default: 1, in: 0...3, "how much writing varies; 1 is about as hard as MNIST")
  }

  /// All images [count, 28, 28] and their digits [count].
  package func generate(seed: UInt64) -> (pixels: [UInt8], labels: [UInt8]) {
    var renderer = GlyphRenderer(seed: seed, distortion: Float(distortion))
    var pixels: [UInt8] = []
    pixels.reserveCapacity(count * GlyphRenderer.pixelCount)
    var labels: [UInt8] = []
    labels.reserveCapacity(count)
    for index in 0..<count { labels.append(UInt8(renderer.draw(index, onto: &pixels))) }
    return (pixels, labels)
  }

  /// Image `index` alone.
  package func image(_ index: Int, seed: UInt64) -> (pixels: [UInt8], label: UInt8) {
    var renderer = GlyphRenderer(seed: seed, distortion: Float(distortion))
    var pixels: [UInt8] = []
    let label = renderer.draw(index, onto: &pixels)
    return (pixels, UInt8(label))
  }

  /// `troupe dataset make glyphs`: the images as IDX files.
  package func write(to folder: String, seed: UInt64, replacing: Bool = false) throws(DataError) {
    let (pixels, labels) = generate(seed: seed)
    try IDXFolder.write(
      pixels: pixels, height: Self.side, width: Self.side, labels: labels, to: folder, replacing: replacing)
  }

  /// Pixels as bytes, labels as bytes and as int32.
  package var expectedByteCount: Int? { count * (GlyphRenderer.pixelCount + 5) }

  package var outline: (few: any DataKind, count: Int)? {
    var few = self
    few.count = 1
    return (few, count)
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    let (pixels, labels) = generate(seed: seed)
    let settings = "glyphs \(GlyphRenderer.version) \(count) \(distortion) \(seed)"
    return OpenedSamples(
      samples: MemorySamples(
        name: Self.kind, count: count,
        columns: [
          .init(.input(of: TensorShape([Self.side, Self.side, 1])), .bytes(pixels)),
          .init(.label(of: Self.classes), .integers(labels.map(Int32.init))),
        ], fingerprint: Fingerprint.of(settings, count: count)))
  }
}
