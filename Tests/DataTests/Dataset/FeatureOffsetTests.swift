import Data
import Foundation
import Tensors
import TestSupport
import Testing

/// Numbers that float32 does not hold are standardized from all of their digits.
@Suite struct FeatureOffsetTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  private func open(_ data: any DataKind, standardizes: Bool = true) throws -> Dataset {
    var common = CommonDataSettings()
    common.batchSize = 1
    common.validation = .fraction(0)
    common.standardize = standardizes
    return try Dataset(opening: DataSettings(common: common, kind: data), runSeed: 3)
  }

  /// Expects z = (x - mean) / deviation of numbers that rise by one step.
  private func expectRamp(_ set: Dataset, count: Int, location: SourceLocation = #_sourceLocation) {
    let deviation = ((Double(count * count) - 1) / 12).squareRoot()
    for sample in 0..<count {
      let z = (Double(sample) - Double(count - 1) / 2) / deviation
      #expect(abs(Double(set.values(sample, 0)[0]) - z) < 1e-4, "\(sample)", sourceLocation: location)
    }
  }

  @Test(arguments: [
    (1_700_000_000.0, 1.0), (1_700_000_000_000, 60), (20_000_001, 2), (-1_700_000_000, 1), (9_000_000_000_000_000, 1),
    (1_000_000.1, 0.001),
  ])
  func tables(first: Double, step: Double) throws {
    let rows = (0..<200).map { "\(first + Double($0) * step),\($0 % 3),k\($0 % 2)\n" }
    let file = try scratch.write("t,u,class\n" + rows.joined(), "t.csv")
    let set = try open(CSVData(file: file))
    expectRamp(set, count: 200)
    #expect(set.fields[0].offsets == [first, 0])
    // Unless inputs are standardized, they are what the file says, as float32.
    let plain = try open(CSVData(file: file), standardizes: false)
    #expect(plain.fields[0].offsets.isEmpty && plain.values(0, 0)[0] == Float(first))
    #expect(plain.fingerprint != set.fingerprint)
  }

  /// A test file is standardized as the training file is.
  @Test func testFile() throws {
    func table(_ first: Int, _ name: String) throws -> String {
      try scratch.write("t,class\n" + (0..<100).map { "\(first + $0),k\($0 % 2)\n" }.joined(), name)
    }
    var data = CSVData(file: try table(1_700_000_000, "train.csv"))
    data.testFile = try table(1_700_000_050, "test.csv")
    let set = try open(data)
    #expect(set.values(set.splits.test[0], 0) == set.values(50, 0))
  }

  @Test func wholeNumbersInHDF5() throws {
    let path = scratch.path("i.h5")
    H5Fixture.write(
      [
        .init(
          name: "inputs", extents: [100, 1], values: .integers((0..<100).map { 1_700_000_000_000 + 60 * Int64($0) })),
        .init(name: "targets", extents: [100], values: .integers((0..<100).map { Int64($0 % 2) })),
      ], to: path)
    expectRamp(try open(HDF5Data(file: path)), count: 100)
  }

  /// What float32 holds, or holds well enough, keeps its bits and its fingerprint.
  @Test func othersStayAsTheyAre() throws {
    for numbers: [Double] in [
      [1, 2, 3, 4], [0.1, 0.2, 0.3, 0.7], [16_000_000, 16_000_001, 16_000_002, 16_000_003], [20.1, 20.2, 20.4, 21],
      [1_700_000_000, 0, 5, 7], [5.1, 5.1, 5.1, 5.1],
    ] {
      let rows = numbers.enumerated().map { "\($1),k\($0 % 2)\n" }
      let file = try scratch.write("t,class\n" + rows.joined(), "t.csv")
      let set = try open(CSVData(file: file))
      #expect(set.fields[0].offsets.isEmpty)
      let plain = try open(CSVData(file: file), standardizes: false)
      #expect(set.source.fingerprint == plain.source.fingerprint)
      let moments = try #require(set.standardization)
      for (sample, number) in numbers.enumerated() {
        #expect(set.values(sample, 0)[0] == (Float(number) - moments.mean[0]) * (1 / moments.deviation[0]))
      }
    }
  }

  /// Times that all lie a year later are other data.
  @Test func fingerprintsHoldTheOffset() throws {
    let prints = try [1_700_000_000, 1_731_536_000].map { first in
      let rows = (0..<50).map { "\(first + $0),k\($0 % 2)\n" }
      return try open(CSVData(file: try scratch.write("t,class\n" + rows.joined(), "t.csv"))).fingerprint
    }
    #expect(prints[0] != prints[1])
  }
}
