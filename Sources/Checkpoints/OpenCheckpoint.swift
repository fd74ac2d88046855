import Files
import Foundation

/// A verified checkpoint that stays open, so that it can still be read when a living run has removed it.
package final class OpenCheckpoint: Sendable {
  package let summary: CheckpointSummary
  private let file: VerifiedFile
  private let calls: FileSystemCalls

  /// Checks the file as `CheckpointFile.verify` does.
  package init(_ url: URL, calls: FileSystemCalls = .real) throws(CheckpointError) {
    let verified = try VerifiedFile(url, calls: calls)
    summary = try CheckpointFile.verify(verified, calls: calls)
    file = verified
    self.calls = calls
  }

  /// Fills `tensors`, which the file must have besides any others.
  package func read(into tensors: [CheckpointTensor]) throws(CheckpointError) {
    _ = try CheckpointFile.read(file, into: tensors, match: .subset, calls: calls)
  }
}
