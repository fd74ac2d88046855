import Files
import FoundationEssentials

/// The activity of a run.
package enum RunActivity: String, Sendable, CaseIterable {
  /// A process holds the lock of its folder.
  case running
  case finished
  /// Stopped, or killed, before its end; `--resume` continues it.
  case interrupted
  /// Ended by an error: it diverged, or a file could not be read or written.
  case failed

  /// - Parameters:
  ///   - isHeld: whether a process holds the lock of the run's folder.
  ///   - last: the last event that begins or ends a session; nil without one.
  package init(isHeld: Bool, last: EventRecord.Kind?) {
    switch last {
    case .finished, .earlyStop: self = .finished
    case .failed: self = .failed
    default: self = isHeld ? .running : .interrupted
    }
  }

  /// Whether the event begins or ends a session of a run.
  package static func isTurn(_ kind: EventRecord.Kind) -> Bool {
    switch kind {
    case .resumed, .finished, .earlyStop, .stopped, .failed: true
    case .checkpoint, .fallback, .skippedNonfinite, .rolledBack, .skippedSamples, .note: false
    }
  }

  /// Whether a process trains into `folder` now: whether its lock is held.
  ///
  /// A lock that is free is taken for a moment; a session that begins meanwhile waits longer than that.
  package static func isHeld(_ folder: URL) -> Bool { FileLock.isHeld(folder.appending(path: RunFiles.lock)) }
}
