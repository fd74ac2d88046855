/// How a run ended.
package enum RunOutcome: Sendable, Equatable {
  case finished
  case stoppedEarly
  /// Stopped after the step that it was asked to stop after, and saved.
  case paused
  /// A signal's number.
  case interrupted(Int32)
  /// A gradient or loss was not finite, and the policy said abort.
  case diverged(String)
  case failed(String)

  /// The reason of a run that diverged or failed; nil for all others.
  package var failure: String? {
    switch self {
    case .finished, .stoppedEarly, .paused, .interrupted: nil
    case .diverged(let reason), .failed(let reason): reason
    }
  }
}
