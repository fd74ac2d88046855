import Checkpoints
import Files
import Foundation
import TestSupport
import Testing

@Suite struct PruneTests {
  let folder: TemporaryFolder
  let checkpoints: CheckpointFolder

  init() throws {
    folder = try TemporaryFolder()
    checkpoints = CheckpointFolder(folder.url)
  }

  private func steps() throws -> [Int] { try checkpoints.all().map(\.step) }

  @Test func poolsAreDisjoint() throws {
    for step in 1...12 { try writeSample(step, in: folder) }
    let pools = CheckpointPools(last: 2, best: [11, 3], every: 4)
    #expect(try checkpoints.prune(pools, trusted: [11, 12]) == [1, 2, 5, 6, 7])
    #expect(try steps() == [3, 4, 8, 9, 10, 11, 12])
    #expect(try folder.names().count == 14)
    #expect(try checkpoints.prune(pools).isEmpty)
  }

  @Test func twoGoodOnesAlwaysStay() throws {
    for step in 1...4 { try writeSample(step, in: folder) }
    #expect(try checkpoints.prune(CheckpointPools(last: 0)) == [1, 2])
    #expect(try checkpoints.prune(CheckpointPools(last: 0)).isEmpty)
    #expect(try steps() == [3, 4])
  }

  @Test func damagedOnesDoNotCountAsGood() throws {
    for step in 1...5 { try writeSample(step, in: folder) }
    try Data("torn".utf8).write(to: folder.checkpoint(5))
    try FileManager.default.removeItem(at: CheckpointFile.digestURL(of: folder.checkpoint(4)))
    #expect(try checkpoints.prune(CheckpointPools(last: 1)) == [1, 4])
    #expect(try steps() == [2, 3, 5])
    #expect(try checkpoints.newestGood()?.step == 3)
    try Data("torn".utf8).write(to: folder.checkpoint(2))
    #expect(try checkpoints.prune(CheckpointPools(last: 0)).isEmpty)
    #expect(try steps() == [2, 3, 5])
  }

  @Test func onlyLeftoversAreRemoved() throws {
    try writeSample(1, in: folder)
    let leftovers = [
      "step-00000002.h5.0123456789abcdef.tmp", "step-00000002.h5.sha256.0123456789abcdef.tmp",
      "step-00000003.h5.sha256",
    ]
    let others = [
      "config.json", "step-2.h5.0123456789abcdef.tmp", "metrics.jsonl.0123456789abcdef.tmp", "notes.sha256",
      "step-00000002.h5.damaged", "step-x.h5",
    ]
    for name in leftovers + others { try Data("x".utf8).write(to: folder.file(name)) }
    try checkpoints.prune(CheckpointPools(last: 1))
    #expect(try folder.names() == (others + ["step-00000001.h5", "step-00000001.h5.sha256"]).sorted())
  }

  @Test func aKillOrFailureDuringPruningLosesNothingThatStays() throws {
    let start = try TemporaryFolder()
    for step in 1...5 { try writeSample(step, in: start) }
    let counter = CallCounter()
    try folder.copy(from: start)
    try CheckpointFolder(folder.url, calls: .counting(counter)).prune(CheckpointPools(last: 2))
    for index in 0...counter.total {
      for calls in [FileSystemCalls.killed(at: index), .failing(at: index, with: EIO)] {
        try folder.copy(from: start)
        _ = failure { () throws(CheckpointError) in
          try CheckpointFolder(folder.url, calls: calls).prune(CheckpointPools(last: 2))
        }
        for step in 4...5 { _ = try CheckpointFile.verify(at: folder.checkpoint(step)) }
        // Every remaining checkpoint is complete, and the next pruning finishes the work.
        for checkpoint in try checkpoints.all() { _ = try CheckpointFile.verify(at: checkpoint.url) }
        try checkpoints.prune(CheckpointPools(last: 2))
        #expect(try steps() == [4, 5] && folder.names().count == 4, "call \(index)")
      }
    }
  }

  @Test func anEmptyFolder() throws {
    #expect(try checkpoints.newestGood() == nil)
    #expect(try checkpoints.prune(CheckpointPools(last: 2)).isEmpty)
  }

  @Test func aMissingFolder() throws {
    let missing = CheckpointFolder(folder.file("missing"))
    #expect(failure { () throws(CheckpointError) in _ = try missing.newestGood() } != nil)
  }
}
