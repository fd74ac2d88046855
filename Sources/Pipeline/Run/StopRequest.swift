import Dispatch
import Foundation
import Synchronization

/// Whether somebody asked the run to stop: looked at between steps.
package final class StopRequest: Sendable {
  private let number = Atomic<Int32>(0)
  private let lastStep = Atomic<Int>(Int.max)

  package init() {}

  /// Asks for a stop once so many steps are done, as a signal at that moment would.
  package func stop(afterStep step: Int?) { lastStep.store(step ?? Int.max, ordering: .relaxed) }

  /// The signal that asks a run with `step` steps behind it to stop.
  func signal(after step: Int) -> Int32? { signal ?? (step >= lastStep.load(ordering: .relaxed) ? SIGINT : nil) }

  /// The signal that asked; nil if none did.
  package var signal: Int32? {
    let value = number.load(ordering: .relaxed)
    return value == 0 ? nil : value
  }

  package func ask(_ signal: Int32) { number.store(signal, ordering: .relaxed) }
}

/// Turns SIGINT and SIGTERM into a request to save and stop; the second one ends the process at once.
// Sendable because its sources are made once and only cancelled.
package final class SignalWatch: @unchecked Sendable {
  private let sources: [any DispatchSourceSignal]

  /// - Parameter notice: told once, when the first signal has come.
  package init(_ request: StopRequest, notice: @escaping @Sendable (Int32) -> Void = { _ in }) {
    sources = [SIGINT, SIGTERM].map { number in
      // The default action must not come before ours.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInitiated))
      source.setEventHandler {
        if request.signal != nil { _exit(128 + number) }
        request.ask(number)
        notice(number)
      }
      source.resume()
      return source
    }
  }

  deinit { for source in sources { source.cancel() } }
}
