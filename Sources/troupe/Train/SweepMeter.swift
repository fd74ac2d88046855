import Configuration
import Foundation
import Metrics
import Sweeps
import Synchronization

/// Shows the progress of a sweep: a table that is redrawn on a terminal, a plain line per event elsewhere.
final class SweepMeter: Sendable {
  private let definition: SweepDefinition
  private let folder: SweepFolder
  private let output: Output
  private let screen: TerminalScreen
  private let mostPoints: Int?
  private let trials = Mutex(TrialFollowers(isSkimming: true))
  private let drawnLines = Mutex(0)

  private static let leaders = 5

  init(_ definition: SweepDefinition, folder: SweepFolder, output: Output) {
    self.definition = definition
    self.folder = folder
    self.output = output
    screen = TerminalScreen(output.stream)
    mostPoints = definition.pointCount
  }

  func show(_ event: SweepRun.Event) {
    switch event {
    case .note(let text): say(text)
    case .began: break
    case .ended(let running, let result, let state): say(line(running, result, state))
    case .state(let state): if screen.isTerminal { draw(state) }
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
      default: result.state.rawValue.spaced + (trial.hasFailed ? "" : ", tried again")
      }
    let value = result.value(of: definition.metric.name)
      .map { ": \(definition.metric.name) \(SweepResults.figures($0))" }
    let values = text(of: state.points[running.point].assignment)
    return "trial \(trial.id) \(how) after \(result.step) steps in \(DurationText.short(result.seconds))"
      + (result.state.isGood ? value ?? "" : ": \(result.reason ?? "")") + "  \(values) seed=\(trial.seed)"
  }

  private func draw(_ state: SweepState) {
    let progress = trials.withLock { trials in
      SweepProgress(
        definition, state, living: folder.living(in: state), in: folder, mostPoints: mostPoints, following: &trials)
    }
    let columns = screen.columns
    let lines = progress.lines(leaders: Self.leaders)
    let text = lines.map { String($0.escaped().prefix(columns - 1)) }.joined(separator: "\n")
    drawnLines.withLock { drawn in
      erase(&drawn)
      screen.write(text + "\n")
      drawn = lines.count
    }
  }

  private func erase(_ lines: inout Int) {
    // The cursor goes up to the table's first line; everything below is erased.
    if lines > 0 { screen.write("\u{1B}[\(lines)A\r\u{1B}[J") }
    lines = 0
  }
}
