import Checkpoints
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

/// Readers of a folder whose run removes checkpoints meanwhile.
@Suite struct RetentionTests {
  private func write(_ step: Int, in folder: URL) throws {
    try CheckpointFile.write(
      [], metadata: CheckpointMetadata(step: step), to: folder.appending(path: CheckpointFile.name(step: step)))
  }

  /// The first opening of each of the listed files finds it gone, and newer ones in its place.
  @Test func removedBetweenListingAndOpening() throws {
    let scratch = try TemporaryFolder()
    for step in 1...2 { try write(step, in: scratch.url) }
    let last = Mutex(2)
    let calls = FileSystemCalls { operation, path in
      guard operation == .open, let step = CheckpointFile.step(ofName: String(path.split(separator: "/").last ?? ""))
      else { return .proceed }
      let isNewest = last.withLock { last in
        guard step == last, last < 8 else { return false }
        last += 2
        return true
      }
      if isNewest {
        for old in [step - 1, step] {
          let path = scratch.path(CheckpointFile.name(step: old))
          try? FileManager.default.removeItem(atPath: path)
          try? FileManager.default.removeItem(atPath: path + ".sha256")
        }
        for new in [step + 1, step + 2] { try? write(new, in: scratch.url) }
      }
      return .proceed
    }
    var said: [String] = []
    let newest = try CheckpointFolder(scratch.url, calls: calls).newestGood { said.append($0) }
    #expect(newest?.step == 8)
    #expect(said.isEmpty, "\(said)")
  }

  @Test func damageIsStillReportedOnce() throws {
    let scratch = try TemporaryFolder()
    for step in 1...3 { try write(step, in: scratch.url) }
    try Data("no".utf8).write(to: scratch.file(CheckpointFile.name(step: 3)))
    var said: [String] = []
    let newest = try CheckpointFolder(scratch.url).newestGood { said.append($0) }
    #expect(newest?.step == 2 && said.count == 1, "\(said)")
  }

  @Test func anOpenCheckpointStaysReadable() throws {
    let scratch = try TemporaryFolder()
    try write(5, in: scratch.url)
    let open = try #require(try CheckpointFolder(scratch.url).openNewestGood())
    for name in try scratch.names() { try FileManager.default.removeItem(at: scratch.file(name)) }
    #expect(open.summary.step == 5)
    try open.read(into: [])
  }
}
