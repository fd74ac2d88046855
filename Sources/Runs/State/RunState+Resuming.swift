import Checkpoints
import Foundation
import Metrics

/// State that a resumed run, whose settings may have changed, would take for something else than it is.
extension RunState {
  /// Judges the run so far by the settings that it resumes with.
  ///
  /// Values of another measure are no longer compared: the best checkpoints among those of `folder`, and the lowest loss,
  /// are found again in the records.
  ///
  /// - Parameter writer: the configuration by which the state came about.
  package mutating func judgeAgain(
    by configuration: RunConfiguration, after writer: RunConfiguration, in folder: CheckpointFolder
  ) throws {
    let hasOtherMonitor = configuration.checkpoints.monitor != writer.checkpoints.monitor
    let improvement = configuration.training.earlyStopping.minimumImprovement
    let hasOtherImprovement = improvement != writer.training.earlyStopping.minimumImprovement
    if hasOtherMonitor || hasOtherImprovement {
      let validations = try self.validations(in: folder.url)
      if hasOtherMonitor {
        let steps = Set(try folder.all().map(\.step))
        best = []
        for record in validations where steps.contains(record.step) {
          let value = configuration.checkpoints.monitor == .loss ? record.loss : record.accuracy ?? .nan
          noteCheckpoint(ofStep: record.step, value: Double(value), configuration.checkpoints)
        }
      }
      if hasOtherImprovement, !validations.isEmpty {
        lowestLoss = nil
        evaluationsSinceLowest = 0
        for record in validations { noteLoss(Double(record.loss), improvement: improvement) }
      }
    }
    // Fewer may be kept than before.
    best = Array(best.prefix(configuration.checkpoints.keepBest))
  }

  /// The evaluations that the state knows of.
  private func validations(in folder: URL) throws(RecordsError) -> [ValidationRecord] {
    var records: [ValidationRecord] = []
    var reader = try MetricsReader(folder: folder)
    while let line = try reader.next() {
      guard case .validation(let record) = line, record.split == "validation", record.step <= evaluatedStep ?? -1 else {
        continue
      }
      records.append(record)
    }
    return records
  }
}
