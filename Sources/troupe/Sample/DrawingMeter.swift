import Foundation
import Metrics
import Synchronization

/// Shows the progress of a drawing on a terminal; says nothing elsewhere.
final class DrawingMeter: Sendable {
  private let screen = TerminalScreen(.standardError)
  private let start = ContinuousClock.now
  private let lastShown = Mutex<ContinuousClock.Instant?>(nil)

  private static let interval = Duration.milliseconds(200)

  /// May be called by any thread.
  func show(_ done: Int, of all: Int) {
    guard screen.isTerminal else { return }
    lastShown.withLock { last in
      let now = ContinuousClock.now
      guard now - (last ?? start) >= Self.interval else { return }
      last = now
      let elapsed = (now - start) / .seconds(1)
      let rest = elapsed / Double(max(1, done)) * Double(all - done)
      screen.write(
        TerminalScreen.eraseLine + "drawing: \(100 * done / max(1, all))%  ETA \(DurationText.short(rest))")
    }
  }

  /// Ends the line that was being redrawn.
  func finish() {
    if lastShown.withLock(\.self) != nil { screen.write(TerminalScreen.eraseLine) }
  }
}
