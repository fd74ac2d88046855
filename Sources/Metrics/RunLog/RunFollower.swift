import Files
import FoundationEssentials

/// Follows a run's records as they grow, reading every line once and keeping a bounded part of them.
///
/// Resuming a run rewrites its records into a new file, which is read from the beginning.
package struct RunFollower: Sendable {
  package let folder: URL
  private let isSkimming: Bool
  private var builder: RunLogBuilder
  private var position: LineReader.Position?
  /// Changes with every new record.
  package private(set) var version = 0
  /// The last event that begins or ends a session.
  private var turn: EventRecord.Kind?
  /// The newest step, which may be missing in a thinned `log`.
  package private(set) var lastStep: StepRecord?
  package private(set) var lastValidation: ValidationRecord?

  /// Steps of the whole run; nil if not known yet.
  package private(set) var totalSteps: Int?
  private var goal: RunGoal?

  /// - Parameter isSkimming: keeps the last step and evaluation only; `log` is then empty.
  package init(_ folder: URL, isSkimming: Bool = false) {
    self.folder = folder
    self.isSkimming = isSkimming
    builder = RunLogBuilder(folder: folder, isBounded: true)
  }

  /// Reads new records.
  ///
  /// - Returns: false without a records file; earlier records are kept.
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

  /// The records so far, thinned, with the other files of the run folder.
  package func log() throws(RecordsError) -> RunLog {
    var log = builder.log
    try log.readFiles()
    return log
  }
}
