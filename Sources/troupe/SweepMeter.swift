import Configuration
import Foundation
import JSONValues
import Sweeps
import Synchronization

/// Shows how a sweep goes: a table that is redrawn on a terminal, a plain line an event elsewhere.
final class SweepMeter: Sendable {
  private let definition: SweepDefinition
  private let folder: SweepFolder
  private let output: Output
  private let screen: TerminalScreen
  private let drawnLines = Mutex(0)

  private static let leaders = 5
  /// Bytes at the end of a run's records in which its last step is looked for.
  private static let tail = 16 << 10

  init(_ definition: SweepDefinition, folder: SweepFolder, output: Output) {
    self.definition = definition
    self.folder = folder
    self.output = output
    screen = TerminalScreen(output)
  }

  func show(_ event: SweepRun.Event) {
    switch event {
    case .note(let text): say(text)
    case .began: break
    case .ended(let running, let result, let state): say(line(running, result, state))
    case .state(let state, let running): if screen.isTerminal { draw(state, running) }
    }
  }

  /// A line above the table.
  func say(_ text: String) {
    drawnLines.withLock { lines in
      erase(&lines)
      output.say(text)
    }
  }

  func finish(_ state: SweepState) { drawnLines.withLock { erase(&$0) } }

  /// `trial 1f2e3d4c5b6a finished after 310 steps in 3.1 s: validation.loss 0.2430  model.depth=20 seed=1`.
  private func line(_ running: SweepRun.Running, _ result: TrialResult, _ state: SweepState) -> String {
    let trial = state.points[running.point].trials[running.seed]
    let how =
      switch result.state {
      case .finished: "finished"
      case .paused: "paused"
      default: result.state.rawValue.replacingOccurrences(of: "_", with: " ") + (trial.hasFailed ? "" : ", tried again")
      }
    let value = result.value(of: definition.metric.name)
      .map { ": \(definition.metric.name) \(SweepResults.figures($0))" }
    let values = text(of: state.points[running.point].assignment)
    return "trial \(trial.id) \(how) after \(result.step) steps in \(ProgressLine.duration(result.seconds))"
      + (result.state.isGood ? value ?? "" : ": \(result.reason ?? "")") + "  \(values) seed=\(trial.seed)"
  }

  private func draw(_ state: SweepState, _ running: [SweepRun.Running]) {
    let results = SweepResults(definition, state, folder: folder)
    let trials = results.trials
    let cap = definition.pointCap.map { $0 * definition.seeds.count }
    let waiting = trials.count { $0.status == "waiting" || $0.status == "paused" }
    var lines = [
      "\(definition.name): \(results.finishedCount) finished, \(waiting) waiting or paused, \(running.count) running, "
        + "\(results.failedCount) failed of \(trials.count) trials" + (cap.map { " (\($0) at most)" } ?? "")
    ]
    for one in running {
      let values = text(of: state.points[one.point].assignment)
      let seconds = (ContinuousClock.now - one.start) / .seconds(1)
      lines.append("  ▸ \(one.id) \(progress(of: one))  \(ProgressLine.duration(seconds))  \(values)")
    }
    for (rank, entry) in results.ranking.prefix(Self.leaders).enumerated() {
      let point = state.points[entry.point]
      lines.append("  \(rank + 1). \(definition.metric.name) \(results.figures(point))  \(text(of: point.assignment))")
    }
    let columns = screen.columns
    let text = lines.map { String($0.prefix(columns - 1)) }.joined(separator: "\n")
    drawnLines.withLock { drawn in
      erase(&drawn)
      screen.write(text + "\n")
      drawn = lines.count
    }
  }

  private func erase(_ lines: inout Int) {
    // Up to the table's first line, and everything from there on erased.
    if lines > 0 { screen.write("\u{1B}[\(lines)A\r\u{1B}[J") }
    lines = 0
  }

  /// `step 120, epoch 1.94, loss 0.4312`, of the last step that the run has recorded.
  private func progress(of running: SweepRun.Running) -> String {
    let file = folder.trial(running.id).appending(path: "metrics.jsonl")
    guard let handle = try? FileHandle(forReadingFrom: file), let size = try? handle.seekToEnd() else {
      return "starting"
    }
    defer { try? handle.close() }
    try? handle.seek(toOffset: size > UInt64(Self.tail) ? size - UInt64(Self.tail) : 0)
    let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
    for line in text.split(separator: "\n").reversed() where line.contains("\"step\"") {
      guard let json = try? JSONParser.parse(String(line), file: "metrics.jsonl"), json["kind"]?.string == "step" else {
        continue
      }
      let step = json["step"]?.integer ?? 0
      let epoch = json["epoch"]?.double ?? 0
      let loss = json["loss"]?.floatingPoint ?? .nan
      return String(format: "step %d, epoch %.2f, loss %.4f", step, epoch, loss)
    }
    return "starting"
  }
}
