import Foundation
import Metrics
import Synchronization
import Training

/// Shows the progress of a run: one line that is redrawn on a terminal, a plain line now and then elsewhere.
final class ProgressMeter: Sendable {
  private struct State {
    var lastShown: ContinuousClock.Instant?
    /// The steps done before this session, and when it began.
    var start: (step: Int, time: ContinuousClock.Instant)?
    /// The last line of the terminal.
    var drawn: String?
    /// The newest progress, while it is not shown.
    var pending: ProgressLine?
    var loss = RunningAverage()
    var milliseconds = RunningAverage()
  }

  private let output: Output
  private let screen: TerminalScreen
  private let state = Mutex(State())

  private static let redrawInterval = Duration.milliseconds(100)
  private static let plainInterval = Duration.seconds(5)
  /// Steps and seconds before an estimate of the end is worth showing.
  private static let paceSteps = 3
  private static let paceSeconds = 0.5

  init(output: Output) {
    self.output = output
    screen = TerminalScreen(output.stream)
  }

  func show(_ progress: RunProgress) {
    switch progress {
    case .step(let record, let total): show(record, of: total)
    case .validation(let record):
      let accuracy = record.accuracy.map { String(format: ", accuracy %.2f%%", 100 * $0) } ?? ""
      let exact = record.exactMatch.map { String(format: ", %.2f%% without a mistake", 100 * $0) } ?? ""
      let average = record.isEMA ? " (ema)" : ""
      say(
        String(format: "step %d: %@ loss %.4f%@%@", record.step, record.split, record.loss, accuracy + exact, average))
    case .event(let record):
      switch record.kind {
      case .checkpoint, .finished, .resumed, .stopped, .failed: break
      default: say("step \(record.step): \(record.text)")
      }
    }
  }

  /// A line above the one that is redrawn.
  func say(_ text: String) {
    state.withLock { state in
      guard let drawn = state.drawn else { return output.say(text) }
      screen.write(TerminalScreen.eraseLine + text.escaped() + "\n" + drawn)
    }
  }

  /// Shows the last step and ends the line that was being redrawn.
  func finish() {
    state.withLock { state in
      if let line = state.pending { show(line, &state) }
      if state.drawn != nil { screen.write("\n") }
      state.drawn = nil
    }
  }

  private func show(_ record: StepRecord, of total: Int) {
    state.withLock { state in
      let now = ContinuousClock.now
      let start = state.start ?? (record.step - 1, now - .microseconds(Int64(1e3 * record.stepMilliseconds)))
      state.start = start
      state.loss.add(Double(record.loss))
      state.milliseconds.add(record.stepMilliseconds)
      var line = ProgressLine(step: record.step, totalSteps: total, epoch: record.epoch)
      line.loss = state.loss.value
      line.learningRate = record.learningRate
      let batch = record.samplesPerSecond * record.stepMilliseconds
      line.samplesPerSecond = batch / max(state.milliseconds.value, .leastNormalMagnitude)
      line.elapsed = (now - start.time) / .seconds(1)
      // Over the whole session: evaluations and checkpoints belong to the pace.
      let done = record.step - start.step
      if done >= Self.paceSteps, line.elapsed >= Self.paceSeconds {
        line.remaining = line.elapsed / Double(done) * Double(total - record.step)
      }
      state.pending = line
      let interval = screen.isTerminal ? Self.redrawInterval : Self.plainInterval
      guard state.lastShown.map({ now - $0 >= interval }) ?? true || record.step == total else { return }
      state.lastShown = now
      show(line, &state)
    }
  }

  private func show(_ line: ProgressLine, _ state: inout State) {
    state.pending = nil
    guard screen.isTerminal else { return output.say(line.plain) }
    let text = line.drawn(columns: screen.columns)
    state.drawn = text
    screen.write(TerminalScreen.eraseLine + text)
  }
}

/// The mean of the first values, and an exponential average of about the last `window` after them.
private struct RunningAverage {
  private(set) var value = 0.0
  private var count = 0.0

  private static let window = 20.0

  /// A value that is not finite is shown as it is; the next one starts the average anew.
  mutating func add(_ new: Double) {
    guard new.isFinite, value.isFinite else {
      value = new
      count = 1
      return
    }
    count = min(count + 1, Self.window)
    value += (new - value) / count
  }
}
