import Checkpoints
import Files
import Foundation
import TestSupport
import Testing

@Suite struct FaultTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The number of calls that a write of the sample makes.
  static func callsOfAWrite() throws -> Int {
    let counter = CallCounter()
    try writeSample(3, in: TemporaryFolder(), calls: .counting(counter))
    return counter.total
  }

  @Test(arguments: [EIO, ENOSPC, EACCES]) func anyCallThatFailsLeavesTheOthersIntact(code: Int32) throws {
    let first = try writeSample(1, in: folder)
    let second = try writeSample(2, in: folder)
    let calls = try Self.callsOfAWrite()
    #expect(calls > 25)
    for index in 0..<calls {
      let error = try #require(
        failure { () throws(CheckpointError) in
          let sample = SampleTensors(seed: 3)
          try CheckpointFile.write(
            sample.tensors, metadata: sampleMetadata(step: 3), to: folder.checkpoint(3),
            calls: .failing(at: index, with: code))
        }, "call \(index)")
      #expect(error.description.hasPrefix("checkpoint of step 3 not saved: cannot "))
      #expect(error.description.hasSuffix(String(cString: strerror(code))) && !error.description.contains("\n"))
      #expect(try CheckpointFile.verify(at: folder.checkpoint(1)).digest == first.digest)
      #expect(try CheckpointFile.verify(at: folder.checkpoint(2)).digest == second.digest)
      // Cleaned up, unless it was the last call: then the file is complete, but may not survive a power failure.
      let isLast = try folder.names().contains(CheckpointFile.name(step: 3))
      #expect(!isLast || index >= calls - 2, "call \(index)")
      if isLast { _ = try CheckpointFile.verify(at: folder.checkpoint(3)) }
      let names = try folder.names()
      #expect(names.count == (isLast ? 6 : 4), "call \(index): \(names)")
      for name in try folder.names() where name.hasPrefix("step-00000003") {
        try FileManager.default.removeItem(at: folder.file(name))
      }
    }
  }

  @Test func aKillAtAnyBoundaryLeavesARecoverableFolder() throws {
    let start = try TemporaryFolder()
    try writeSample(1, in: start)
    let second = try writeSample(2, in: start)
    let calls = try Self.callsOfAWrite()
    var survivors: Set<Int> = []
    for index in 0...calls {
      try folder.copy(from: start)
      _ = failure { () throws(CheckpointError) in
        let sample = SampleTensors(seed: 3)
        try CheckpointFile.write(
          sample.tensors, metadata: sampleMetadata(step: 3), to: folder.checkpoint(3), calls: .killed(at: index))
      }
      // A new process finds the older checkpoint.
      let checkpoints = CheckpointFolder(folder.url)
      var reports: [String] = []
      let newest = try #require(try checkpoints.newestGood { reports.append($0) }, "call \(index)")
      #expect(reports.isEmpty, "call \(index)")
      survivors.insert(newest.step)
      #expect(newest.step == 3 || newest.digest == second.digest)
      // It cleans up and continues.
      try checkpoints.prune(CheckpointPools(last: 9))
      let expected = (1...newest.step).flatMap {
        [CheckpointFile.name(step: $0), CheckpointFile.name(step: $0) + ".sha256"]
      }
      #expect(try folder.names() == expected, "call \(index)")
      try writeSample(3, in: folder)
      #expect(try checkpoints.newestGood()?.step == 3)
    }
    #expect(survivors == [2, 3])
  }

  @Test func aKilledWriterIsFollowedWithoutPruning() throws {
    for index in 0...(try Self.callsOfAWrite()) {
      try folder.copy(from: TemporaryFolder())
      let sample = SampleTensors(seed: 3)
      _ = failure { () throws(CheckpointError) in
        try CheckpointFile.write(
          sample.tensors, metadata: sampleMetadata(step: 3), to: folder.checkpoint(3), calls: .killed(at: index))
      }
      let receipt = try writeSample(3, in: folder)
      #expect(try CheckpointFile.verify(at: folder.checkpoint(3)).digest == receipt.digest)
      #expect(try folder.names().count == 2, "call \(index)")
    }
  }

  @Test func shortAndInterruptedCallsAreContinued() throws {
    let expected = try writeSample(3, in: TemporaryFolder())
    #expect(try writeSample(3, in: folder, calls: FileSystemCalls { _, _ in .atMost(777) }) == expected)
    let counter = CallCounter()
    let interrupted = FileSystemCalls { operation, _ in
      counter.next() % 2 == 0 && operation != .close && operation != .list ? .fail(EINTR) : .proceed
    }
    #expect(try writeSample(4, in: folder, calls: interrupted).byteCount == expected.byteCount)
    #expect(try CheckpointFile.verify(at: folder.checkpoint(3), calls: interrupted).digest == expected.digest)
  }

  @Test func aDiskThatFillsUpIsDetected() throws {
    let counter = CallCounter()
    let calls = FileSystemCalls { operation, _ in
      guard operation == .write else { return .proceed }
      let call = counter.next()
      return call < 3 ? .proceed : call == 3 ? .atMost(11) : .fail(ENOSPC)
    }
    let error = failure { () throws(CheckpointError) in
      let sample = SampleTensors(seed: 3)
      try CheckpointFile.write(
        sample.tensors, metadata: sampleMetadata(step: 3), to: folder.checkpoint(3), calls: calls)
    }
    #expect(error?.code == ENOSPC)
    #expect(try folder.names().isEmpty)
  }

  @Test func aFaultyDiskIsDetectedWhenReadBack() throws {
    // The file is changed after its fsync and before it is read again.
    let size = try writeSample(3, in: TemporaryFolder()).byteCount
    for offset in [0, 8, size / 2, size - 1] {
      let calls = FileSystemCalls { operation, path in
        if operation == .close, let handle = FileHandle(forUpdatingAtPath: path) {
          try? handle.seek(toOffset: UInt64(offset))
          let byte = (try? handle.read(upToCount: 1))?.first ?? 0
          try? handle.seek(toOffset: UInt64(offset))
          try? handle.write(contentsOf: Data([byte ^ 4]))
          try? handle.close()
        }
        return .proceed
      }
      let error = failure { () throws(CheckpointError) in
        let sample = SampleTensors(seed: 3)
        try CheckpointFile.write(
          sample.tensors, metadata: sampleMetadata(step: 3), to: folder.checkpoint(3), calls: calls)
      }
      #expect(error?.description.contains("reads back differently") == true, "byte \(offset)")
      #expect(try folder.names().isEmpty)
    }
  }

  @Test func aMissingFolder() throws {
    let sample = SampleTensors(seed: 3)
    let error = failure { () throws(CheckpointError) in
      try CheckpointFile.write(
        sample.tensors, metadata: sampleMetadata(step: 3),
        to: folder.file("missing").appendingPathComponent("step-00000003.h5"))
    }
    #expect(error?.code == ENOENT)
  }
}
