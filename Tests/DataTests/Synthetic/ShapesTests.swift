import CPlatform
import Configuration
import Data
import JSON
import Tensors
import TestSupport
import Testing

@Suite struct ShapesTests {
  @Test func areTheSameForTheSameSeed() {
    let (pixels, shapes, colors) = ShapesData(count: 1100).generate(seed: 7)
    let again = ShapesData(count: 1100).generate(seed: 7)
    #expect(again.pixels == pixels && again.shapes == shapes && again.colors == colors)
    #expect(ShapesData(count: 1100).generate(seed: 8).pixels != pixels)
    for index in [0, 1, 499, 500, 1099] {
      let alone = ShapesData().image(index, seed: 7)
      #expect(alone.pixels == Array(pixels[index * 3072..<(index + 1) * 3072]))
      #expect(alone.shape == shapes[index] && alone.color == colors[index])
    }
    // Runs know their data by seed and version, so these bytes only change together with the renderer's version.
    let digest = pixels.withUnsafeBytes { troupe_crc32c(0, $0.baseAddress, $0.count) }
    #expect(digest == 2_505_261_856)
  }

  @Test func areBalancedAndQuick() {
    var best = Duration.seconds(10)
    for seed in 1...10 {
      let start = ContinuousClock.now
      _ = ShapesData(count: 100).generate(seed: UInt64(seed))
      best = min(best, ContinuousClock.now - start)
    }
    print("100 shapes: \(best)")
    #expect(best < .milliseconds(60), "10,000 must take a few seconds")
    let (pixels, shapes, colors) = ShapesData(count: 1000).generate(seed: 1)
    for shape in 0..<4 { #expect(shapes.count { $0 == shape } > 190) }
    for color in 0..<8 { #expect(colors.count { $0 == color } > 80) }
    #expect(pixels.contains { $0 < 10 } && pixels.contains { $0 > 245 })
  }

  /// On plain gray, what is drawn can be measured: its color is the one it is said to have, its extent its shape's.
  @Test func showWhatTheyAreCalled() throws {
    var data = ShapesData(count: 400)
    data.clutter = 0
    let (pixels, shapes, colors) = data.generate(seed: 3)
    // Mean of red, green and blue over each color's pixels.
    var sums = [[Double]](repeating: [0, 0, 0, 0], count: 8)
    var fullness = [[Double]](repeating: [], count: 4)
    for sample in 0..<400 {
      let image = pixels[sample * 3072..<(sample + 1) * 3072].map { Double($0) }
      func isInk(_ pixel: Int) -> Bool { (0..<3).contains { abs(image[pixel * 3 + $0] - 128) > 20 } }
      let ink = (0..<1024).filter(isInk)
      #expect(ink.count > 25 && ink.count < 500)
      for pixel in ink {
        for c in 0..<3 { sums[Int(colors[sample])][c] += image[pixel * 3 + c] }
        sums[Int(colors[sample])][3] += 1
      }
      // The share of the circle about it that a shape fills.
      let (x, y) = (ink.map { Double($0 % 32) }, ink.map { Double($0 / 32) })
      let center = (x.reduce(0, +) / Double(ink.count), y.reduce(0, +) / Double(ink.count))
      let reach = zip(x, y).map { (($0 - center.0) * ($0 - center.0) + ($1 - center.1) * ($1 - center.1)).squareRoot() }
      let radius = (reach.max() ?? 0) + 0.5
      fullness[Int(shapes[sample])].append(Double(ink.count) / (Double.pi * radius * radius))
    }
    let means = sums.map { sum in (0..<3).map { sum[$0] / sum[3] } }
    func has(_ name: String, _ levels: [Bool]) throws {
      let color = means[try #require(ShapesData.colorNames.firstIndex(of: name))]
      for (level, isHigh) in zip(color, levels) { #expect((level > 125) == isHigh, "\(name): \(color)") }
    }
    try has("red", [true, false, false])
    try has("green", [false, true, false])
    try has("blue", [false, false, true])
    try has("yellow", [true, true, false])
    try has("cyan", [false, true, true])
    try has("white", [true, true, true])
    // A circle fills its own, a square 2/π, a triangle 0.41, a star 0.36 of it; edges blur that.
    let mean = fullness.map { $0.reduce(0, +) / Double($0.count) }
    #expect(ShapesData.shapeNames == ["circle", "square", "triangle", "star"])
    #expect(
      mean[0] > 0.85 && abs(mean[1] - 0.64) < 0.08 && abs(mean[2] - 0.42) < 0.08 && abs(mean[3] - 0.39) < 0.04,
      "\(mean)")
  }

  @Test func haveNamesAndAttributes() throws {
    func open(_ target: String) throws -> any SampleSource {
      let text = #"{"type": "shapes", "count": 50, "target": "\#(target)"}"#
      return try DataCatalog.catalog.read(try JSONParser.parse(text, file: "c")).product.kind.open(seed: 2).samples
    }
    let (shape, color, both) = (try open("shape"), try open("color"), try open("shape_and_color"))
    #expect(shape.fields.map(\.name) == ["input", "target", "shape", "color", "caption"])
    #expect(shape.fields[0].shape == TensorShape([32, 32, 3]))
    #expect(shape.fields[1].classNames == ShapesData.shapeNames && color.fields[1].classNames == ShapesData.colorNames)
    #expect(both.fields[1].classCount == 32 && both.fields[1].classNames.contains("red circle"))
    for sample in 0..<50 {
      let (a, b) = (Int(both.values(sample, 2)[0]), Int(both.values(sample, 3)[0]))
      #expect(shape.values(sample, 1) == [Float(a)] && color.values(sample, 1) == [Float(b)])
      let name = both.fields[1].classNames[Int(both.values(sample, 1)[0])]
      #expect(name == "\(ShapesData.colorNames[b]) \(ShapesData.shapeNames[a])")
    }
    #expect(shape.fingerprint != color.fingerprint)
  }

  @Test func areWrittenAsIDX() throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.path("shapes")
    try ShapesData(count: 20).write(to: folder, seed: 3)
    let read = try IDXData(images: folder + "/" + IDXFolder.colorImages, labels: folder + "/" + IDXFolder.labels).open(
      seed: 0)
    let made = try ShapesData(count: 20).open(seed: 3).samples
    #expect(read.samples.fields[0] == made.fields[0])
    for index in 0..<20 {
      #expect(read.samples.values(index, 0) == made.values(index, 0))
      #expect(read.samples.values(index, 1) == made.values(index, 1))
    }
    #expect(try DatasetSummary.inspect(folder).classes.count == 4)
  }

  /// A set that cannot fit is refused before any of it is drawn.
  @Test func doNotStartWithoutMemory() throws {
    let huge = DataSettings(kind: Endless())
    expectRefusal("endless: data", "memory available", "TiB", "lower their number") {
      _ = try Dataset(opening: huge, runSeed: 1)
    }
    #expect(try #require(ShapesData(count: 1000).expectedByteCount) >= 3_000_000)
    for kind in [GlyphsData(count: 100), SpiralsData(), NoiseData(), ShapesData(count: 100)] as [any DataKind] {
      let expected = try #require(kind.expectedByteCount)
      #expect(expected >= (try kind.open(seed: 1).samples.residentBytes))
    }
  }

  private struct Endless: DataKind {
    static let kind = "endless"
    static let documentation = ""
    let expectedByteCount: Int? = 1 << 50

    init() {}
    init(from reader: SettingsReader) throws(ConfigurationError) {}

    func open(seed: UInt64) throws(DataError) -> OpenedSamples { preconditionFailure("opened in spite of its size") }
  }
}
