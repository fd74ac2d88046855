import Data
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct IDXTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  private func pair(_ images: [UInt8], _ labels: [UInt8], classes: Int? = nil) throws -> OpenedSamples {
    try IDXData(images: try scratch.write(images, "i"), labels: try scratch.write(labels, "l"), classes: classes)
      .open(seed: 0)
  }

  @Test func readsRawFiles() throws {
    let opened = try pair(idx([2, 2, 3], [0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6]), idx([2], [3, 1]))
    let source = opened.samples
    #expect(source.count == 2)
    #expect(source.fields[0].shape == TensorShape([2, 3, 1]))
    #expect(source.fields[1].classCount == 4)
    #expect(source.fields[1].type == .int32)
    #expect(source.values(0, 0).map { ($0 * 255).rounded() } == [0, 51, 102, 153, 204, 255])
    #expect(source.values(0, 0)[5] == 1)
    #expect(source.values(0, 1) == [3])
    #expect(source.values(1, 1) == [1])
    #expect(source.residentBytes == 12 + 8)
  }

  @Test func writesWhatItReads() throws {
    let pixels = (0..<600).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    let path = scratch.path("a.gz")
    try IDXFile.write(pixels, dimensions: [6, 10, 10], to: path)
    let file = try IDXFile(reading: path, ranks: 3...3)
    #expect(file.bytes == pixels)
    #expect(file.dimensions == [6, 10, 10])
    try IDXFile.write(pixels, dimensions: [6, 10, 10], to: scratch.path("b.gz"))
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: path)) == Data(contentsOf: URL(fileURLWithPath: scratch.path("b.gz"))))
    expectRefusal("a new file") { try IDXFile.write(pixels, dimensions: [600], to: path) }
    try IDXFile.write(pixels, dimensions: [600], to: path, replacing: true)
    #expect(try IDXFile(reading: path, ranks: 1...1).count == 600)
    expectRefusal("/nowhere/x", "No such file") { try IDXFile.write([1], dimensions: [1], to: "/nowhere/x") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["a.gz", "b.gz"])
  }

  @Test func namesWhatIsWrong() throws {
    let good = idx([2, 1, 2], [1, 2, 3, 4])
    let labels = idx([2], [0, 1])
    expectRefusal("byte 0", "magic", "89 50 4e 47") { _ = try pair([0x89, 0x50, 0x4E, 0x47], labels) }
    expectRefusal("byte 2", "float32", "unsigned byte") { _ = try pair(idx(type: 0x0D, [2, 1, 2], [1]), labels) }
    expectRefusal("byte 3", "rank 1", "label file") { _ = try pair(labels, labels) }
    expectRefusal("byte 3", "rank 3") { _ = try pair(good, good) }
    expectRefusal("byte 16", "4 bytes", "truncated") { _ = try pair(Array(good.dropLast()), labels) }
    expectRefusal("byte 20", "trailing") { _ = try pair(good + [9], labels) }
    expectRefusal("byte 4", "2 labels", "3") { _ = try pair(good, idx([3], [0, 1, 0])) }
    expectRefusal("byte 9 (sample 1)", "below 3", "7") { _ = try pair(good, idx([2], [0, 7]), classes: 3) }
    expectRefusal("extents of at least 1") { _ = try pair(idx([2, 0, 2], []), labels) }
    expectRefusal("max_bytes", "4.0 GiB") { _ = try pair(idx([0xFFFF_FFFF, 0xFFFF, 2], [1]), labels) }
    expectRefusal("IDX header", "truncated") { _ = try pair([0, 0], labels) }
    expectRefusal("nothing-here", "No such file") {
      _ = try IDXData(images: scratch.path("nothing-here"), labels: "").open(seed: 0)
    }
    expectRefusal("regular file") { _ = try IDXData(images: scratch.path, labels: "").open(seed: 0) }
    expectRefusal("regular file") { _ = try IDXData(images: "/dev/zero", labels: "").open(seed: 0) }
  }

  @Test func refusesDamagedGzip() throws {
    let path = scratch.path("x.gz")
    try IDXFile.write([UInt8](repeating: 7, count: 5000), dimensions: [5, 1000], to: path)
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let short = try scratch.write(Array(whole.dropLast(12)), "short.gz")
    expectRefusal("short.gz", "truncated") { _ = try IDXFile(reading: short, ranks: 2...2) }
    var flipped = whole
    flipped[flipped.count - 6] ^= 0x10
    let damaged = try scratch.write(flipped, "damaged.gz")
    expectRefusal("damaged.gz", "intact gzip") { _ = try IDXFile(reading: damaged, ranks: 2...2) }
  }

  @Test func keepsTestFilesApart() throws {
    try scratch.write(idx([3, 1, 1], [1, 2, 3]), "i")
    try scratch.write(idx([3], [0, 1, 2]), "l")
    try scratch.write(idx([2, 1, 1], [4, 5]), "ti")
    try scratch.write(idx([2], [2, 0]), "tl")
    var settings = CommonDataSettings()
    settings.batchSize = 1
    settings.validation = .fraction(0)
    let data = IDXData(
      images: scratch.path("i"), labels: scratch.path("l"), testImages: scratch.path("ti"),
      testLabels: scratch.path("tl"))
    let set = try Dataset(opening: DataSettings(common: settings, kind: data), runSeed: 1)
    #expect(set.splits.training.count == 3)
    #expect((0..<2).map { set.splits.test[$0] } == [3, 4])
    #expect(set.source.values(4, 0) == [5.0 / 255])
    #expect(set.source.values(3, 1) == [2])
    settings.test = .fraction(0.2)
    expectRefusal("data.test_fraction", "separate test set") {
      _ = try Dataset(opening: DataSettings(common: settings, kind: data), runSeed: 1)
    }
    try scratch.write(idx([2, 2, 1], [4, 5, 6, 7]), "ti")
    settings.test = .fraction(0)
    expectRefusal("[1, 1, 1]", "[2, 1, 1]") {
      _ = try Dataset(opening: DataSettings(common: settings, kind: data), runSeed: 1)
    }
  }
}
