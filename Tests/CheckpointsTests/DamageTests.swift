import Checkpoints
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct DamageTests {
  let folder: TemporaryFolder
  let older: CheckpointReceipt
  let newest: URL
  let bytes: Data

  init() throws {
    folder = try TemporaryFolder()
    older = try writeSample(1, in: folder)
    newest = folder.checkpoint(2)
    let large = SampleTensors.shapes + [(path: "parameters/large", dimensions: [200, 300], type: ElementType.float32)]
    let sample = SampleTensors(seed: 2, shapes: large)
    try CheckpointFile.write(sample.tensors, metadata: sampleMetadata(step: 2), to: newest)
    bytes = try Data(contentsOf: newest)
  }

  /// Expects the newest checkpoint to be named as damaged and the older one to be found.
  private func expectFallback(_ damage: String) throws {
    var reports: [String] = []
    let good = try CheckpointFolder(folder.url).newestGood { reports.append($0) }
    #expect(good?.digest == older.digest, "\(damage)")
    #expect(
      reports.count == 1 && reports.first?.hasPrefix("step-00000002.h5 is passed over: ") == true,
      "\(damage): \(reports)"
    )
  }

  @Test func truncationAtEvery4KiB() throws {
    #expect(bytes.count > 250_000)
    for length in Array(stride(from: 0, to: bytes.count, by: 4_096)) + [1, 8, bytes.count - 1] {
      try bytes.prefix(length).write(to: newest)
      try expectFallback("\(length) bytes")
    }
    try (bytes + [0]).write(to: newest)
    try expectFallback("a byte more")
  }

  @Test func flippedBits() throws {
    let handle = try FileHandle(forUpdating: newest)
    let stream = RandomStream(seed: 5, purpose: .checking)
    for trial in 0..<2_500 {
      // Every second offset in HDF5's structures, which are a small part of the file.
      let offset = stream.integer(2 * trial, below: trial % 2 == 0 ? bytes.count : 8_192)
      let flipped = bytes[offset] ^ (1 << UInt8(trial % 8))
      try handle.seek(toOffset: UInt64(offset))
      try handle.write(contentsOf: Data([flipped]))
      if trial % 10 == 0 { try expectFallback("byte \(offset)") }
      let error = failure { () throws(CheckpointError) in _ = try CheckpointFile.verify(at: newest) }
      #expect(error?.description.contains("is damaged: its SHA-256") == true, "byte \(offset)")
      try handle.seek(toOffset: UInt64(offset))
      try handle.write(contentsOf: Data([bytes[offset]]))
    }
    _ = try CheckpointFile.verify(at: newest)
  }

  /// The second line of defense: with a digest that fits the damaged file, every byte of a tensor is still covered by
  /// its CRC32C and HDF5's structures by their own; bytes that neither covers are never read.
  @Test func flippedBitsUnderADigestThatFits() throws {
    let summary = try CheckpointFile.verify(at: newest)
    let stream = RandomStream(seed: 6, purpose: .checking)
    var refused = 0
    for trial in 0..<600 {
      let offset = stream.integer(trial, below: trial % 2 == 0 ? bytes.count : 8_192)
      var damaged = bytes
      damaged[offset] ^= 1 << UInt8(trial % 8)
      try damaged.write(to: newest)
      try Data("\(Digest.sha256(Array(damaged)))  \(newest.lastPathComponent)\n".utf8).write(
        to: CheckpointFile.digestURL(of: newest))
      do {
        let found = try CheckpointFile.verify(at: newest)
        #expect(found.tensors == summary.tensors && found.metadata == summary.metadata, "byte \(offset)")
      } catch {
        refused += 1
      }
    }
    // The others hit unused bytes between the structures.
    #expect(refused > 400)
  }

  /// Damage under checksums that all fit: the structures may be nonsense, but nothing worse happens.
  @Test func hostileStructuresUnderChecksumsThatFit() throws {
    let headers = headerRanges()
    #expect(headers.count > 15)
    let stream = RandomStream(seed: 7, purpose: .checking)
    var refused = 0
    // A process reads each of them; all are for `make test-full`.
    let trials = ProcessInfo.processInfo.environment["TROUPE_LONG_TESTS"] == nil ? 300 : 3_000
    for trial in 0..<trials {
      var damaged = bytes
      let header = headers[stream.integer(8 * trial, below: headers.count)]
      for change in 0...trial % 3 {
        let element = 8 * trial + 2 * change + 1
        let offset = header.lowerBound + stream.integer(element, below: header.count)
        let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(stream.integer(element + 1, below: 256))]
        damaged[offset] = extremes[(trial + change) % extremes.count]
      }
      let checksum = jenkinsChecksum(Array(damaged[header])[...])
      damaged.replaceSubrange(
        header.upperBound..<header.upperBound + 4, with: withUnsafeBytes(of: checksum.littleEndian) { Data($0) })
      try damaged.write(to: newest)
      try Data("\(Digest.sha256(Array(damaged)))  \(newest.lastPathComponent)\n".utf8).write(
        to: CheckpointFile.digestURL(of: newest))
      if let error = failure({ () throws(CheckpointError) in _ = try CheckpointFile.verify(at: newest) }) {
        refused += 1
        #expect(!error.description.contains("\n") && error.description.contains(newest.path))
      }
    }
    #expect(refused > trials / 2)
  }

  /// The superblock and every object header, without their checksums.
  private func headerRanges() -> [Range<Int>] {
    var ranges = [0..<44]
    var position = 0
    while let found = bytes.range(of: Data("OHDR".utf8), in: position..<bytes.count) {
      let start = found.lowerBound
      let sizeBytes = 1 << Int(bytes[start + 5] & 3)
      let body = start + 6 + sizeBytes
      let size = bytes[start + 6..<body].reversed().reduce(0) { $0 << 8 | Int($1) }
      ranges.append(start..<body + size)
      position = start + 4
    }
    return ranges
  }

  @Test func flippedBitsOfTheDigest() throws {
    let url = CheckpointFile.digestURL(of: newest)
    let sidecar = try Data(contentsOf: url)
    for bit in 0..<sidecar.count * 8 {
      var damaged = sidecar
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      try damaged.write(to: url)
      let error = failure { () throws(CheckpointError) in _ = try CheckpointFile.verify(at: newest) }
      #expect(error?.description.contains("damaged") == true, "bit \(bit)")
    }
    for length in 0..<sidecar.count {
      try sidecar.prefix(length).write(to: url)
      #expect(failure { () throws(CheckpointError) in _ = try CheckpointFile.verify(at: newest) } != nil, "\(length)")
    }
  }

  @Test func missingDigest() throws {
    try FileManager.default.removeItem(at: CheckpointFile.digestURL(of: newest))
    let read = SampleTensors(seed: nil)
    let error = failure { () throws(CheckpointError) in _ = try CheckpointFile.read(at: newest, into: read.tensors) }
    #expect(error?.description.hasSuffix("step-00000002.h5.sha256, which holds its SHA-256, is missing") == true)
    try expectFallback("no digest")
  }

  @Test func everythingDamaged() throws {
    for url in [newest, folder.checkpoint(1)] { try Data().write(to: url) }
    var reports = 0
    #expect(try CheckpointFolder(folder.url).newestGood { _ in reports += 1 } == nil)
    #expect(reports == 2)
  }

  @Test func renamedToAnotherStep() throws {
    let url = folder.checkpoint(3)
    try bytes.write(to: url)
    try Data("\(Digest.sha256(Array(bytes)))  \(url.lastPathComponent)\n".utf8).write(
      to: CheckpointFile.digestURL(of: url))
    let error = failure { () throws(CheckpointError) in _ = try CheckpointFile.verify(at: url) }
    #expect(error?.description.contains("holds step 2, not the one of its name") == true)
  }

  @Test func notAFile() throws {
    let directory = folder.checkpoint(7)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let pipe = folder.checkpoint(8)
    #expect(mkfifo(pipe.path, 0o600) == 0)
    for url in [directory, pipe, folder.checkpoint(9)] {
      #expect(failure { () throws(CheckpointError) in _ = try CheckpointFile.verify(at: url) } != nil)
    }
  }
}
