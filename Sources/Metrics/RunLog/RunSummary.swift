import Files
import FoundationEssentials
import JSON

/// The entry of a run in a list: read in one pass that skips the large lines of the records.
package struct RunSummary: Sendable {
  /// The best value of the monitored metric.
  package struct Best: Sendable, Equatable {
    /// `validation.loss`, `validation.accuracy`, or `loss` of training before the first evaluation.
    package let metric: String
    package let value: Double
    package let step: Int

    package init(metric: String, value: Double, step: Int) {
      self.metric = metric
      self.value = value
      self.step = step
    }
  }

  package let folder: URL
  /// The name in the records, or the folder's.
  package private(set) var name: String
  package private(set) var header: RunHeader?
  package private(set) var activity = RunActivity.interrupted
  /// The text of the event that ended the run.
  package private(set) var reason: String?
  package private(set) var step = 0
  /// Steps of the whole run; nil if not known yet.
  package private(set) var totalSteps: Int?
  package private(set) var best: Best?
  /// Seconds in steps.
  package private(set) var seconds = 0.0
  package private(set) var configuration: String?

  /// - Returns: nil when the folder has been removed meanwhile.
  package static func read(_ folder: URL) throws(RecordsError) -> RunSummary? {
    var summary = RunSummary(folder: folder, name: folder.standardizedFileURL.lastPathComponent)
    summary.configuration = try RunLog.configuration(in: folder)
    let isHeld = RunActivity.isHeld(folder)
    let watched = RunGoal(configuration: summary.configuration)
    var turn: EventRecord.Kind?
    do throws(RecordsError) {
      var lines = try LineReader(recordsIn: folder)
      while let line = try lines.nextRecord() {
        guard case .bytes(let range, _) = line, MetricsReader.isSmall(lines.buffer, range),
          let node = try? JSONParser.parse(lines.buffer.span.extracting(range)), let record = MetricsLine(node)
        else { continue }
        summary.add(record, watched, &turn)
      }
    } catch .noRecords {
      guard summary.configuration != nil else { return nil }
    }
    summary.activity = RunActivity(isHeld: isHeld, last: turn)
    return summary
  }

  private init(folder: URL, name: String) {
    self.folder = folder
    self.name = name
  }

  private mutating func add(_ line: MetricsLine, _ watched: RunGoal, _ turn: inout EventRecord.Kind?) {
    switch line {
    case .run(let header):
      self.header = header
      name = header.name
    case .step(let record):
      if record.stepMilliseconds.isFinite { seconds += record.stepMilliseconds / 1000 * Double(record.step - step) }
      step = record.step
      if totalSteps == nil { totalSteps = watched.totalSteps(record) }
      offer(Double(record.loss), "loss", at: record.step, isBetter: <)
    case .validation(let record) where record.split == "validation":
      if watched.accuracy {
        if let accuracy = record.accuracy {
          offer(Double(accuracy), RunGoal.accuracyName, at: record.step, isBetter: >)
        }
      } else {
        offer(Double(record.loss), RunGoal.lossName, at: record.step, isBetter: <)
      }
    case .event(let record) where RunActivity.isTurn(record.kind):
      turn = record.kind
      reason = record.text
    default: break
    }
  }

  /// A value of an evaluation replaces any training loss.
  private mutating func offer(_ value: Double, _ metric: String, at step: Int, isBetter: (Double, Double) -> Bool) {
    guard value.isFinite else { return }
    if let best {
      if best.metric != metric, metric == "loss" { return }
      if best.metric == metric, !isBetter(value, best.value) { return }
    }
    best = Best(metric: metric, value: value, step: step)
  }
}
