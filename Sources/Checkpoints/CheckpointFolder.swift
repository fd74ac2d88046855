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

  /// The newest checkpoint that passes `CheckpointFile.verify`; nil where none does.
  /// - Parameter report: called with one line for each newer file that was passed over, saying why.
  package func newestGood(report: (String) -> Void = { _ in }) throws(CheckpointError) -> CheckpointSummary? {
    for checkpoint in try all().reversed() {
      do {
        return try CheckpointFile.verify(at: checkpoint.url, calls: calls)
      } catch {
        report("\(checkpoint.url.lastPathComponent) is passed over: \(error)")
      }
    }
    return nil
  }
}
