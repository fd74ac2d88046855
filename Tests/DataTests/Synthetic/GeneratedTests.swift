import CPlatform
import Data
import Tensors
import TestSupport
import Testing

@Suite struct GeneratedTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  @Test func glyphsAreTheSameForTheSameSeed() {
    let (pixels, labels) = GlyphsData(count: 300).generate(seed: 7)
    let again = GlyphsData(count: 300).generate(seed: 7)
    #expect(again.pixels == pixels && again.labels == labels)
    #expect(GlyphsData(count: 300).generate(seed: 8).pixels != pixels)
    for index in [0, 1, 150, 299] {
      let alone = GlyphsData().image(index, seed: 7)
      #expect(alone.pixels == Array(pixels[index * 784..<(index + 1) * 784]))
      #expect(alone.label == labels[index])
    }
    // Runs know their data by seed and version, so these bytes only change together with the renderer's version.
    let digest = pixels.withUnsafeBytes { troupe_crc32c(0, $0.baseAddress, $0.count) }
    #expect(digest == 3_953_141_947)
  }

  @Test func glyphsLookLikeInk() {
    let count = 1000
    let start = ContinuousClock.now
    let (pixels, labels) = GlyphsData(count: count).generate(seed: 1)
    #expect(ContinuousClock.now - start < .milliseconds(300), "10,000 must take at most 3 s")
    for digit in 0..<10 { #expect(labels.count { $0 == digit } > 60) }
    let means = (0..<count).map { sample in
      Double(pixels[sample * 784..<(sample + 1) * 784].reduce(0) { $0 + Int($1) }) / (784 * 255)
    }
    #expect(means.allSatisfy { $0 > 0.02 && $0 < 0.4 })
    #expect(abs(means.reduce(0, +) / Double(count) - 0.13) < 0.02)
  }

  @Test func glyphsAreWrittenAsIDX() throws {
    let folder = scratch.path("glyphs")
    try GlyphsData(count: 50).write(to: folder, seed: 3)
    let read = try IDXData(
      images: folder + "/" + IDXFolder.images, labels: folder + "/" + IDXFolder.labels, classes: 10
    )
    .open(seed: 0).samples
    let made = try GlyphsData(count: 50).open(seed: 3).samples
    #expect(read.fields == made.fields)
    for index in 0..<50 {
      #expect(read.values(index, 0) == made.values(index, 0))
      #expect(read.values(index, 1) == made.values(index, 1))
    }
    expectRefusal(IDXFolder.images, "a new file") { try GlyphsData(count: 5).write(to: folder, seed: 3) }
  }

  @Test func spiralsWindOutwards() throws {
    var data = SpiralsData()
    data.noise = 0
    let source = try data.open(seed: 1).samples
    #expect(source.count == 1500)
    #expect(source.values(0, 0) == [0, 0])
    for index in [1499, 1498, 1497] {
      let point = source.values(index, 0)
      #expect(abs(point[0] * point[0] + point[1] * point[1] - 1) < 1e-5)
    }
    #expect((0..<6).map { source.values($0, 1)[0] } == [0, 1, 2, 0, 1, 2])
    data.noise = 0.1
    let noisy = try data.open(seed: 1).samples
    #expect(noisy.values(0, 0) != [0, 0])
    #expect(try data.open(seed: 1).samples.values(700, 0) == noisy.values(700, 0))
    #expect(try data.open(seed: 2).samples.fingerprint != noisy.fingerprint)
  }

  @Test func noiseIsNormal() throws {
    let source = try NoiseData(count: 500, shape: TensorShape([4, 4, 2]), classes: 7).open(seed: 1).samples
    #expect(source.fields[0].shape == TensorShape([4, 4, 2]))
    let values = (0..<500).flatMap { source.values($0, 0) }
    let mean = values.reduce(0, +) / Float(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count)
    #expect(abs(mean) < 0.03 && abs(variance - 1) < 0.05)
    let labels = Set((0..<500).map { source.values($0, 1)[0] })
    #expect(labels == Set((0..<7).map(Float.init)))
  }

  @Test func noiseCanBeWhatIsToBeFound() throws {
    var data = NoiseData(count: 300, shape: TensorShape([2, 2, 3]), classes: 7)
    data.timeSteps = 5
    let source = try data.open(seed: 1).samples
    #expect(source.fields.map(\.name) == [SampleField.input, "time", SampleField.target])
    #expect(source.fields[1].shape == .scalar && source.fields[1].classCount == 5)
    #expect(source.fields[2].shape == TensorShape([2, 2, 3]) && source.fields[2].classCount == nil)
    #expect(Set((0..<300).map { source.values($0, 1)[0] }) == Set((0..<5).map(Float.init)))
    #expect(source.values(0, 2) != source.values(0, 0))
  }
}
