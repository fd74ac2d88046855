import Data
import Tensors
import TestSupport
import Testing

@Suite struct HDF5Tests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  private func file(_ name: String, _ items: [H5Fixture.Item], softLink: String? = nil) -> HDF5Data {
    H5Fixture.write(items, to: scratch.path(name), softLink: softLink)
    return HDF5Data(file: scratch.path(name))
  }

  private let floats = H5Fixture.Item(name: "inputs", extents: [3, 2], values: .floats([1, 2, 3, 4, 5, 6]))
  private let labels = H5Fixture.Item(name: "targets", extents: [3], values: .integers([0, 2, 1]))

  @Test func readsFloatsAndLabels() throws {
    let source = try file("a.h5", [floats, labels]).open(seed: 0).samples
    #expect(source.count == 3)
    #expect(source.fields[0].shape == TensorShape([2]))
    #expect(source.fields[1].classCount == 3)
    #expect(source.values(2, 0) == [5, 6])
    #expect(source.values(1, 1) == [2])
  }

  @Test func readsPackedBytesAndValues() throws {
    let source = try file(
      "b.h5",
      [
        .init(name: "inputs", extents: [4, 2, 2], values: .bytes((0..<16).map { $0 * 17 }), chunkRows: 2),
        .init(name: "targets", extents: [4, 2], values: .doubles((0..<8).map { Double($0) / 4 }), chunkRows: 1),
      ]
    ).open(seed: 0).samples
    #expect(source.fields[0].shape == TensorShape([2, 2]))
    #expect(source.values(3, 0)[3] == 1)
    #expect(source.fields[1].type == .float32)
    #expect(source.values(1, 1) == [0.5, 0.75])
    #expect(source.residentBytes == 16 + 32)
  }

  @Test func readsFurtherFields() throws {
    var data = file(
      "f.h5",
      [
        .init(name: "inputs", extents: [2, 1, 2, 1], values: .floats([1, 2, 3, 4])),
        .init(name: "targets", extents: [2, 1, 2, 1], values: .floats([5, 6, 7, 8])),
        .init(name: "time", extents: [2], values: .integers([7, 999])),
        .init(name: "captions", extents: [2, 3], values: .integers([0, 1, 2, 3, 4, 4])),
        .init(name: "weight", extents: [2], values: .floats([0.5, 2])),
      ])
    data.fields = [.init("time", classes: 1000), .init("condition", dataset: "captions"), .init("weight")]
    let source = try data.open(seed: 0).samples
    #expect(source.fields.map(\.name) == ["input", "target", "time", "condition", "weight"])
    #expect(source.fields[0].shape == TensorShape([1, 2, 1]) && source.fields[1].shape == TensorShape([1, 2, 1]))
    #expect(source.fields[2].shape == .scalar && source.fields[2].classCount == 1000)
    #expect(source.fields[3].shape == TensorShape([3]) && source.fields[3].classCount == 5)
    #expect(source.fields[4].type == .float32 && source.fields[4].classCount == nil)
    #expect(source.values(1, 1) == [7, 8] && source.values(1, 2) == [999])
    #expect(source.values(1, 3) == [3, 4, 4] && source.values(1, 4) == [2])
    data.fields = [.init("time", classes: 999)]
    expectRefusal("\"time\", sample 1", "0 to 998", "999") { _ = try data.open(seed: 0) }
    data.fields = [.init("time", dataset: "captions", classes: 3)]
    expectRefusal("\"captions\", sample 1", "0 to 2", "3") { _ = try data.open(seed: 0) }
    data.fields = [.init("weight", classes: 3)]
    expectRefusal("\"weight\"", "whole numbers") { _ = try data.open(seed: 0) }
    data.fields = [.init("mask")]
    expectRefusal("\"mask\"", "a dataset of that name") { _ = try data.open(seed: 0) }
  }

  @Test func readsATestSetFromTheSameFile() throws {
    var data = file(
      "c.h5",
      [
        floats, labels, .init(name: "x", extents: [1, 2], values: .floats([7, 8])),
        .init(name: "y", extents: [1], values: .integers([2])),
      ])
    data.testInputs = "x"
    data.testTargets = "y"
    #expect(try data.open(seed: 0).test?.values(0, 0) == [7, 8])
  }

  @Test func namesWhatIsWrong() throws {
    expectRefusal("\"targets\"", "a dataset of that name", "\"inputs\"") {
      _ = try file("1.h5", [floats]).open(seed: 0)
    }
    expectRefusal("\"targets\"", "3 samples", "2") {
      _ = try file("2.h5", [floats, .init(name: "targets", extents: [2], values: .integers([0, 1]))]).open(seed: 0)
    }
    expectRefusal("\"inputs\"", "[samples, features") {
      _ = try file("3.h5", [.init(name: "inputs", extents: [3], values: .floats([1, 2, 3])), labels]).open(seed: 0)
    }
    expectRefusal("one integer label", "[3, 2]") {
      let oneHot = H5Fixture.Item(name: "targets", extents: [3, 2], values: .integers([0, 1, 1, 0, 0, 1]))
      _ = try file("4.h5", [floats, oneHot]).open(seed: 0)
    }
    expectRefusal("sample 1", "0 to 1", "-5") {
      _ = try file("5.h5", [floats, .init(name: "targets", extents: [3], values: .integers([0, -5, 1]))]).open(seed: 0)
    }
    expectRefusal("sample 2", "0 to 1", "2") {
      var data = file("6.h5", [floats, .init(name: "targets", extents: [3], values: .integers([0, 1, 2]))])
      data.classes = 2
      _ = try data.open(seed: 0)
    }
    expectRefusal("sample 1, value 1", "finite", "nan") {
      let bad = H5Fixture.Item(name: "inputs", extents: [3, 2], values: .floats([1, 2, 3, .nan, 5, 6]))
      _ = try file("7.h5", [bad, labels]).open(seed: 0)
    }
    expectRefusal("finite", "inf") {
      let bad = H5Fixture.Item(name: "inputs", extents: [3, 2], values: .doubles([1, 2, 3, 1e300, 5, 6]))
      _ = try file("8.h5", [bad, labels]).open(seed: 0)
    }
    expectRefusal("an HDF5 file") { _ = try HDF5Data(file: try scratch.write("not this", "9.h5")).open(seed: 0) }
    expectRefusal("labels below") {
      let bad = H5Fixture.Item(name: "targets", extents: [3], values: .integers([0, 1 << 40, .max]))
      _ = try file("10.h5", [floats, bad]).open(seed: 0)
    }
    expectRefusal("max_bytes") {
      var data = file("11.h5", [floats, labels])
      data.maxBytes = 20
      _ = try data.open(seed: 0)
    }
  }

  @Test func followsNothingOutOfTheFile() throws {
    expectRefusal("external storage") {
      var bad = floats
      bad.isExternal = true
      _ = try file("1.h5", [bad, labels]).open(seed: 0)
    }
    var data = file("2.h5", [floats, labels], softLink: "elsewhere")
    data.inputs = "elsewhere"
    #expect(try data.open(seed: 0).samples.values(2, 0) == [5, 6])
  }
}
