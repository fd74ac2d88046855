import Foundation
import Pipeline
import RunRecords
import Synchronization

/// Shows how a run goes: one line that is redrawn on a terminal, a plain line now and then elsewhere.
final class ProgressMeter: Sendable {
  private struct State {
    var lastShown = ContinuousClock.now - .seconds(60)
    var start: (step: Int, time: ContinuousClock.Instant)?
    var isDrawn = false
    var smoothedLoss: Double?
  }

  private let output: Output
  private let isTerminal: Bool
  private let state = Mutex(State())

  private static let redrawInterval = Duration.milliseconds(100)
  private static let plainInterval = Duration.seconds(5)
  private static let barWidth = 24
  private static let smoothing = 0.95

  init(output: Output) {
    self.output = output
    isTerminal = isatty(output.isJSON ? STDERR_FILENO : STDOUT_FILENO) == 1
  }

  func show(_ progress: RunProgress) {
    switch progress {
    case .step(let record, let total): show(record, of: total)
    case .validation(let record):
      let accuracy = record.accuracy.map { String(format: ", accuracy %.2f%%", 100 * $0) } ?? ""
      let average = record.isEMA ? " (ema)" : ""
      line(String(format: "step %d: %@ loss %.4f%@%@", record.step, record.split, record.loss, accuracy, average))
    case .event(let record) where record.kind == .checkpoint: break
    case .event(let record) where record.kind == .finished: break
    case .event(let record): line("step \(record.step): \(record.text)")
    }
  }

  /// Ends the line that was being redrawn.
  func finish() { clear() }

  private func show(_ record: StepRecord, of total: Int) {
    let now = ContinuousClock.now
    let text: String? = state.withLock { state in
      let loss = Double(record.loss)
      state.smoothedLoss = state.smoothedLoss.map { Self.smoothing * $0 + (1 - Self.smoothing) * loss } ?? loss
      guard let start = state.start else {
        state.start = (record.step - 1, now - .milliseconds(Int(record.stepMilliseconds)))
        return nil
      }
      let isLast = record.step == total
      let interval = isTerminal ? Self.redrawInterval : Self.plainInterval
      guard isLast || now - state.lastShown >= interval else { return nil }
      state.lastShown = now
      state.isDrawn = isTerminal
      let elapsed = (now - start.time) / .seconds(1)
      let done = max(record.step - start.step, 1)
      let remaining = elapsed / Double(done) * Double(total - record.step)
      let head = isTerminal ? Self.bar(record.step, of: total) + " " : ""
      return head
        + String(
          format: "step %d/%d  epoch %.2f  loss %.4f  lr %.2e  %.0f samples/s  ETA %@", record.step, total,
          record.epoch, state.smoothedLoss ?? loss, record.learningRate, record.samplesPerSecond,
          Self.duration(remaining))
    }
    guard let text else { return }
    if isTerminal {
      Output.write("\r\u{1B}[K" + text, to: output.isJSON ? .standardError : .standardOutput)
    } else {
      output.say(text)
    }
  }

  private func line(_ text: String) {
    clear()
    output.say(text)
  }

  private func clear() {
    let isDrawn = state.withLock { state in
      defer { state.isDrawn = false }
      return state.isDrawn
    }
    if isDrawn { Output.write("\n", to: output.isJSON ? .standardError : .standardOutput) }
  }

  private static func bar(_ step: Int, of total: Int) -> String {
    let filled = total > 0 ? min(barWidth, barWidth * step / total) : 0
    return String(repeating: "█", count: filled) + String(repeating: "░", count: barWidth - filled)
  }

  /// Such as `42s`, `3m05s`, `2h07m`.
  private static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return String(format: "%dm%02ds", whole / 60, whole % 60) }
    return String(format: "%dh%02dm", whole / 3600, whole / 60 % 60)
  }
}
