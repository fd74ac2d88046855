import Files
import FoundationEssentials

/// Follows a run's records as they grow, reading every line once and keeping a bounded part of them.
///
/// A resumed run cuts its records back into a new file; then all are read again.
package struct RunFollower: Sendable {
  package let folder: URL
  private let isSkimming: Bool
  private var builder: RunLogBuilder
  private var position: LineReader.Position?
  /// Changes whenever there is something new.
  package private(set) var version = 0
  /// The last of the events that begin or end a session.
  private var turn: EventRecord.Kind?
  /// The newest step, of which `log` may not know yet where steps are thinned.
  package private(set) var lastStep: StepRecord?
  package private(set) var lastValidation: ValidationRecord?

  /// Steps of the whole run; nil where it cannot be told yet.
  package private(set) var totalSteps: Int?
  private var goal: RunGoal?

  /// - Parameter isSkimming: keeps the last step and evaluation only; `log` then knows nothing.
  package init(_ folder: URL, isSkimming: Bool = false) {
    self.folder = folder
    self.isSkimming = isSkimming
    builder = RunLogBuilder(folder: folder, isBounded: true)
  }

  /// Reads what is new.
  ///
  /// - Returns: false when the records have gone away; what was read is kept.
  package mutating func follow() throws(RecordsError) -> Bool {
    do throws(RecordsError) {
      var reader = try MetricsReader(folder: folder, from: position)
      if position != nil, !reader.isContinued {
        let version = version + 1
        self = RunFollower(folder, isSkimming: isSkimming)
        self.version = version
      }
      if goal == nil { goal = RunGoal(configuration: try RunLog.configuration(in: folder)) }
      while let (line, behind) = try reader.nextWhole(skimming: isSkimming) {
        add(line)
        position = behind
        version += 1
      }
      return true
    } catch .noRecords {
      return false
    }
  }

  private mutating func add(_ line: MetricsLine) {
    if !isSkimming { builder.add(line) }
    switch line {
    case .step(let record):
      lastStep = record
      if totalSteps == nil { totalSteps = goal?.totalSteps(record) }
    case .validation(let record): lastValidation = record
    case .event(let record) where RunActivity.isTurn(record.kind): turn = record.kind
    default: break
    }
  }

  package var activity: RunActivity { RunActivity(isHeld: RunActivity.isHeld(folder), last: turn) }

  /// Everything so far, thinned, with what lies beside the records.
  package func log() throws(RecordsError) -> RunLog {
    var log = builder.log
    try log.readFiles()
    return log
  }
}
