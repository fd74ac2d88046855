/// How a run ended.
package enum RunOutcome: Sendable, Equatable {
  case finished
  case stoppedEarly
  /// Stopped after the requested step, and saved.
  case paused
  /// Stopped by the signal of this number, and saved.
  case interrupted(Int32)
  /// A gradient or loss was not finite, and the policy is to abort.
  case diverged(String)
  case failed(String)

  /// The reason if the run diverged or failed.
  package var failure: String? {
    switch self {
    case .finished, .stoppedEarly, .paused, .interrupted: nil
    case .diverged(let reason), .failed(let reason): reason
    }
  }
}
