import Data
import Foundation
import Tensors
import TestSupport
import Testing

/// Real digits, kept beside the project and not in it.
enum RealDigits {
  static let folder: String? = {
    let path = Repository.root.appendingPathComponent("../shared/datasets/mnist-10k").standardizedFileURL.path
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }()

  static func data(_ folder: String) -> IDXData {
    IDXData(images: "\(folder)/images-idx3-ubyte.gz", labels: "\(folder)/labels-idx1-ubyte.gz")
  }
}

@Suite struct DatasetTests {
  @Test(.enabled(if: RealDigits.folder != nil, "needs ../shared/datasets/mnist-10k, which is not here"))
  func opensRealDigits() throws {
    let folder = try #require(RealDigits.folder)
    var settings = CommonDataSettings()
    settings.standardize = true
    settings.test = .fraction(0.1)
    settings.validation = .fraction(0)
    let set = try Dataset(opening: DataSettings(common: settings, kind: RealDigits.data(folder)), runSeed: 1)
    #expect(set.splits.training.count == 9000 && set.splits.test.count == 1000)
    #expect(set.fields[0].shape == TensorShape([28, 28, 1]))
    #expect(set.fields[1].classCount == 10)
    #expect(set.residentBytes == 10_000 * 788 + 40_000)
    let moments = try #require(set.standardization)
    #expect(abs(moments.mean[0] - 0.1325) < 0.002 && abs(moments.deviation[0] - 0.3105) < 0.002)
    #expect((0..<8).map { set.source.values($0, 1)[0] } == [7, 2, 1, 0, 4, 1, 4, 9])
  }

  @Test func readingABatchIsFast() throws {
    var settings = CommonDataSettings()
    settings.standardize = true
    let set = try Dataset(opening: DataSettings(common: settings, kind: GlyphsData(count: 2000)), runSeed: 1)
    let arena = Arena(byteCount: 64 * 784 * 4)
    let output = arena.all(as: .float32)
    let reader = SampleReader(set)
    var best = Duration.seconds(1)
    for epoch in 0..<200 {
      let order = set.order.epoch(epoch)
      let samples = (0..<64).map { order[$0] }
      let start = ContinuousClock.now
      for row in 0..<64 {
        reader.read(samples[row], .training(epoch: epoch), field: 0, into: output.slice(row * 784..<(row + 1) * 784))
      }
      best = min(best, ContinuousClock.now - start)
    }
    print("64 standardized 28×28 samples: \(best)")
    // 20 µs is the aim; the bound leaves room for a busy machine.
    #expect(best < .microseconds(100))
  }

  @Test func fingerprintFollowsTheContent() throws {
    func fingerprint(_ kind: any DataKind, _ change: (inout CommonDataSettings) -> Void = { _ in }) throws -> String {
      var settings = CommonDataSettings()
      settings.batchSize = 1
      change(&settings)
      return try Dataset(opening: DataSettings(common: settings, kind: kind), runSeed: 1).fingerprint
    }
    let base = try fingerprint(GlyphsData(count: 40))
    #expect(try fingerprint(GlyphsData(count: 40)) == base)
    #expect(try fingerprint(GlyphsData(count: 41)) != base)
    #expect(try fingerprint(GlyphsData(count: 40)) { $0.seed = 2 } != base)
    #expect(try fingerprint(GlyphsData(count: 40)) { $0.limit = 3 } != base)
    #expect(try fingerprint(GlyphsData(count: 40)) { $0.batchSize = 4 } == base)
  }

  @Test func fileFingerprintIsOfItsBytes() throws {
    let scratch = try TemporaryFolder()
    func fingerprint(_ last: UInt8, _ label: UInt8) throws -> String {
      try scratch.write(idx([2, 1, 2], [1, 2, 3, last]), "i")
      try scratch.write(idx([2], [0, label]), "l")
      return try IDXData(images: scratch.path("i"), labels: scratch.path("l"), classes: 10).open(seed: 0).samples
        .fingerprint
    }
    let base = try fingerprint(4, 1)
    #expect(try fingerprint(4, 1) == base)
    #expect(try fingerprint(5, 1) != base)
    #expect(try fingerprint(4, 2) != base)
  }
}

@Suite struct SummaryTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  @Test func knowsEachKindByItsContent() throws {
    try GlyphsData(count: 30).write(to: scratch.path("glyphs"), seed: 1)
    let folder = try DatasetSummary.inspect(scratch.path("glyphs"))
    #expect(folder.kind == "idx" && folder.count == 30)
    #expect(folder.classes.reduce(0) { $0 + $1.count } == 30)
    #expect(folder.preview.count == 14 && folder.preview.allSatisfy { $0.count == 3 * 28 + 2 * 3 })
    #expect(folder.parts[0].moments?.maximum ?? 0 > 200)
    let labels = try DatasetSummary.inspect(scratch.path("glyphs/\(IDXFolder.labels)"))
    #expect(labels.classes.count <= 10 && labels.parts[0].moments == nil)

    H5Fixture.write(
      [.init(name: "x", extents: [3, 2], values: .doubles([1, 2, 3, 4, 5, 6]))], to: scratch.path("a.dat"),
      softLink: "s")
    let h5 = try DatasetSummary.inspect(scratch.path("a.dat"))
    #expect(h5.kind == "hdf5" && h5.count == 3)
    #expect(h5.parts[0].type == "float64")
    #expect(h5.parts[0].moments?.mean == 3.5)
    #expect(h5.notes == ["s: a soft link that leads nowhere or out of the file"])

    let csv = try DatasetSummary.inspect(try scratch.write("a;b\n1;x\n2;y\n3;y\n", "t"))
    #expect(csv.kind == "csv" && csv.count == 3)
    #expect(csv.classes.map(\.name) == ["x", "y"] && csv.classes.map(\.count) == [1, 2])
    let values = try DatasetSummary.inspect(try scratch.write("1,0.5\n2,0.75\n3,1.5\n", "v"))
    #expect(values.classes.isEmpty && values.count == 3 && values.parts[1].moments?.maximum == 1.5)

    expectRefusal("nothing of that name") { _ = try DatasetSummary.inspect(scratch.path("none")) }
    expectRefusal("files of a known kind") { _ = try DatasetSummary.inspect(scratch.path) }
    for summary in [folder, labels, h5, csv, values] { #expect(!summary.lines.isEmpty && summary.json.members != nil) }
  }
}
