import Files
import Foundation

/// A checkpoint file by its name; its contents are not checked.
package struct StoredCheckpoint: Sendable, Equatable {
  package let step: Int
  package let url: URL
}

/// The checkpoints of one run: finds the newest good one and prunes.
///
/// Only files with names of `CheckpointFile.name(step:)` count. The caller must prevent two writers at a time.
package struct CheckpointFolder: Sendable {
  package let url: URL
  let calls: FileSystemCalls

  package init(_ url: URL, calls: FileSystemCalls = .real) {
    self.url = url
    self.calls = calls
  }

  /// Every checkpoint file, oldest step first.
  package func all() throws(CheckpointError) -> [StoredCheckpoint] {
    try Self.checkpoints(among: CheckpointError.files { () throws(FileError) in try calls.list(url.path) }, in: url)
  }

  static func checkpoints(among names: [String], in url: URL) -> [StoredCheckpoint] {
    names
      .compactMap { name in
        CheckpointFile.step(ofName: name).map { StoredCheckpoint(step: $0, url: url.appendingPathComponent(name)) }
      }
      .sorted { $0.step < $1.step }
  }

  /// Whether retention has removed a checkpoint since it was listed: the file goes first, then its digest.
  package func isGone(_ checkpoint: StoredCheckpoint) -> Bool {
    (try? calls.exists(checkpoint.url.path)) == false
  }

  /// So often a living run may remove all files between the listing of its folder and their opening.
  private static let mostListings = 100

  /// The newest checkpoint that passes `CheckpointFile.verify`; nil where none does.
  /// - Parameter report: called with one line for each newer file that was passed over, saying why.
  package func newestGood(report: (String) -> Void = { _ in }) throws(CheckpointError) -> CheckpointSummary? {
    try newestGood(report: report) { (url) throws(CheckpointError) in
      try CheckpointFile.verify(at: url, calls: calls)
    }
  }

  /// The newest checkpoint, open: a living run may remove the file, and it stays readable.
  package func openNewestGood(report: (String) -> Void = { _ in }) throws(CheckpointError) -> OpenCheckpoint? {
    try newestGood(report: report) { (url) throws(CheckpointError) in try OpenCheckpoint(url, calls: calls) }
  }

  private func newestGood<Checkpoint>(
    report: (String) -> Void, open: (URL) throws(CheckpointError) -> Checkpoint
  ) throws(CheckpointError) -> Checkpoint? {
    var reported: Set<Int> = []
    for _ in 0..<Self.mostListings {
      var hasMissed = false
      for checkpoint in try all().reversed() {
        do {
          return try open(checkpoint.url)
        } catch {
          if isGone(checkpoint) {
            hasMissed = true
          } else if reported.insert(checkpoint.step).inserted {
            report("\(checkpoint.url.lastPathComponent) is passed over: \(error)")
          }
        }
      }
      if !hasMissed { break }
    }
    return nil
  }
}
