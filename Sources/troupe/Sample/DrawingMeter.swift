import Foundation
import Metrics
import Synchronization

/// Shows on a terminal how far a drawing is; says nothing elsewhere.
final class DrawingMeter: Sendable {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = ContinuousClock.now
  private let lastShown = Mutex<ContinuousClock.Instant?>(nil)

  private static let interval = Duration.milliseconds(200)
  private static let eraseLine = "\r\u{1B}[K"

  /// May be called by any thread.
  func show(_ done: Int, of all: Int) {
    guard isTerminal else { return }
    lastShown.withLock { last in
      let now = ContinuousClock.now
      guard now - (last ?? start) >= Self.interval else { return }
      last = now
      let elapsed = (now - start) / .seconds(1)
      let rest = elapsed / Double(max(1, done)) * Double(all - done)
      Output.write(
        Self.eraseLine + "drawing: \(100 * done / max(1, all))%  ETA \(DurationText.short(rest))",
        to: .standardError)
    }
  }

  /// Ends the line that was being redrawn.
  func finish() {
    if lastShown.withLock(\.self) != nil { Output.write(Self.eraseLine, to: .standardError) }
  }
}
