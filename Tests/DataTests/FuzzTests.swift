import Data
import Foundation
import Tensors
import TestSupport
import Testing

/// Damaged files give an error or samples, never a crash; what a file claims cannot make the reader take memory for it.
@Suite(.serialized) struct FuzzTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  /// More through the environment, for a long run by hand.
  private static let mutations = Int(ProcessInfo.processInfo.environment["TROUPE_FUZZ_ROUNDS"] ?? "") ?? 600
  private static let limit = 16 << 20

  /// `bytes` with some bytes changed, cut off, doubled or inserted; a pure function of `round`.
  private func mutated(_ bytes: [UInt8], _ round: Int) -> [UInt8] {
    let random = RandomStream(seed: 99, purpose: .checking, step: round)
    var copy = bytes
    for change in 0...random.integer(0, below: 4) {
      let element = 1 + change * 4
      guard !copy.isEmpty else { break }
      let at = random.integer(element, below: copy.count)
      let byte = UInt8(random.integer(element + 1, below: 256))
      switch random.integer(element + 2, below: 8) {
      case 0: copy.removeLast(copy.count - at)
      case 1: copy.insert(byte, at: at)
      case 2: copy.remove(at: at)
      case 3: copy[at] = 0xFF
      case 4: copy.append(contentsOf: copy[at...].prefix(64))
      case 5: copy[min(at, 15)] = byte
      default: copy[at] ^= 1 << (byte & 7)
      }
    }
    return copy
  }

  /// Opens every mutation of `bytes`; returns how many were refused.
  private func refusals(_ bytes: [UInt8], _ open: (String) throws -> any SampleSource) throws -> Int {
    var refused = 0
    for round in 0..<Self.mutations {
      let path = try scratch.write(mutated(bytes, round), "fuzzed")
      do {
        let source = try open(path)
        for index in 0..<min(source.count, 4) {
          for field in source.fields.indices { _ = source.values(index, field) }
        }
      } catch let error as DataError {
        refused += 1
        #expect(!error.description.contains("\n"))
      }
    }
    return refused
  }

  private func contents(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

  @Test func idx() throws {
    let labels = try scratch.write(DataTests.idx([6], [0, 1, 2, 0, 1, 2]), "labels")
    let images = DataTests.idx([6, 4, 4], (0..<96).map { UInt8($0) })
    let raw = try refusals(images) {
      try IDXData(images: $0, labels: labels, maxBytes: Self.limit).open(seed: 0).samples
    }
    #expect(raw > Self.mutations / 4)
    try IDXFile.write((0..<96).map { UInt8($0) }, dimensions: [6, 4, 4], to: scratch.path("packed"))
    let packed = try refusals(contents(scratch.path("packed"))) {
      try IDXData(images: $0, labels: labels, maxBytes: Self.limit).open(seed: 0).samples
    }
    #expect(packed > Self.mutations / 2)
  }

  @Test func csv() throws {
    let text = "a,\"b\",class\r\n" + (0..<20).map { "\($0).5,-\($0)e1,\"k\($0 % 3)\"\r\n" }.joined()
    let refused = try refusals(Array(text.utf8)) { path in
      var data = CSVData(file: path)
      data.maxBytes = Self.limit
      return try data.open(seed: 0).samples
    }
    #expect(refused > Self.mutations / 4)
  }

  @Test func hdf5() throws {
    let path = scratch.path("good.h5")
    H5Fixture.write(
      [
        .init(name: "inputs", extents: [8, 3], values: .floats((0..<24).map(Float.init)), chunkRows: 4),
        .init(name: "targets", extents: [8], values: .integers([0, 1, 2, 0, 1, 2, 0, 1])),
      ], to: path)
    let refused = try refusals(contents(path)) { path in
      var data = HDF5Data(file: path)
      data.maxBytes = Self.limit
      return try data.open(seed: 0).samples
    }
    #expect(refused > Self.mutations / 8)
  }

  @Test func text() throws {
    let text = (0..<40).map { "Zeile \($0): größer als „\($0 / 2)“\t\($0)\n" }.joined()
    let refused = try refusals(Array(text.utf8)) { path in
      var data = TextData(files: [path])
      data.tokenizer = .ownCharacters
      data.length = 16
      return try data.open(seed: 1).samples
    }
    #expect(refused > Self.mutations / 16)
    let lines = (0..<20).map { "{\"n\": \($0), \"text\": \"größer als \\u00e9 \($0)\"}\n" }.joined()
    let damagedLines = try refusals(Array(lines.utf8)) { path in
      var data = TextData(files: [])
      data.files = nil
      data.jsonl = [path]
      data.length = 16
      return try data.open(seed: 1).samples
    }
    #expect(damagedLines > Self.mutations / 4)
    let pairs = (0..<20).map { "source \($0)\tZiel \($0)\n" }.joined()
    let damagedPairs = try refusals(Array(pairs.utf8)) { path in
      var data = PairData(files: [path])
      data.sourceLength = 12
      data.tokenizer = .ownCharacters
      return try data.open(seed: 1).samples
    }
    #expect(damagedPairs > Self.mutations / 8)
  }

  /// A gzip bomb: a megabyte of zeros claims to be a small set.
  @Test func gzipBomb() throws {
    let path = scratch.path("bomb.gz")
    try IDXFile.write([UInt8](repeating: 0, count: 8 << 20), dimensions: [8, 1 << 20], to: path)
    expectRefusal("max_bytes") { _ = try IDXFile(reading: path, ranks: 2...2, limit: 1 << 20) }
    var data = CSVData(file: path)
    data.maxBytes = 1 << 20
    expectRefusal("max_bytes") { _ = try data.open(seed: 0) }
    // A tiny file with a huge claim is refused before memory is taken for it.
    let liar = try scratch.write(DataTests.idx([1 << 30, 3], []), "liar")
    expectRefusal("truncated") { _ = try IDXFile(reading: liar, ranks: 2...2) }
  }
}
