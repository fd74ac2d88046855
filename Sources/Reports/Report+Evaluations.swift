import FoundationEssentials
import JSON
import Metrics

/// The part of a run's data that shows what a classifier gets right and wrong.
extension Report {
  /// Bytes of pictures, and cells of confusion matrices, of all runs together.
  private static let pictureBudget = 600_000
  private static let cellBudget = 30_000
  /// Mistakes of a run among several.
  private static let mistakesSideBySide = 8
  private static let longestClassName = 60

  /// What is shown of each run: everything of a single one; of several, the split that most of them have.
  static func shownEvaluations(_ runs: [RunLog]) -> [[EvaluationRecord]] {
    guard runs.count > 1 else { return runs.map(\.evaluations) }
    let splits = runs.flatMap(\.evaluations).map(\.split)
    var common = ""
    func frequency(_ split: String) -> Int { splits.count { $0 == split } }
    for split in splits where frequency(split) > frequency(common) { common = split }
    return runs.map { run in
      (run.evaluations.first { $0.split == common } ?? run.evaluations.first).map { [$0] } ?? []
    }
  }

  /// - Parameter share: this and other evaluations share the budgets.
  static func evaluations(_ run: RunLog, _ shown: [EvaluationRecord], share: Int, _ text: inout JSONText) {
    text.field("damaged_evaluations", run.damagedEvaluations)
    text.array("evaluations") { text in
      for record in shown {
        text.object { text in
          text.field("split", record.split)
          text.field("step", record.step)
          text.field("is_ema", record.isEMA)
          text.field("views", record.views)
          text.field("loss", Double(record.loss))
          text.field("count", record.count)
          text.field("accuracy", record.accuracy)
          text.field("top_accuracy", record.topAccuracy)
          text.field("mistake_count", record.count - record.correct)
          classes(record, cells: cellBudget / share, &text)
          mistakes(record, isAlone: share == shown.count, bytes: pictureBudget / share, &text)
        }
      }
    }
  }

  private static func classes(_ record: EvaluationRecord, cells most: Int, _ text: inout JSONText) {
    let scores = record.classScores
    text.field("classes", scores.isEmpty ? [] : record.classes.map { String($0.prefix(longestClassName)) })
    text.array("scores") { text in
      for score in scores {
        let mistaken = score.mostMistakenFor ?? (label: 0, count: 0)
        let numbers = [score.count, score.predicted, score.correct, mistaken.label, mistaken.count]
        text.field(nil, numbers.map { Double($0) }, digits: LineBuffer.exactDigits)
      }
    }
    // The largest cells where there are too many; the others would hardly be seen.
    var filled = record.confusion.indices.filter { record.confusion[$0] > 0 }
    let left = max(0, filled.count - most)
    if left > 0 {
      filled.sort { (record.confusion[$1], $0) < (record.confusion[$0], $1) }
      filled.removeLast(left)
    }
    text.field("hidden_cells", left)
    text.array("cells") { text in
      for cell in filled {
        text.field(nil, cell / record.classes.count)
        text.field(nil, cell % record.classes.count)
        text.field(nil, record.confusion[cell])
      }
    }
  }

  private static func mistakes(_ record: EvaluationRecord, isAlone: Bool, bytes: Int, _ text: inout JSONText) {
    var left = bytes
    text.array("mistakes") { text in
      for mistake in record.mistakes.prefix(isAlone ? record.mistakes.count : mistakesSideBySide) {
        text.object { text in
          text.field("sample", mistake.sample)
          text.field("target", String(record.classes[mistake.target].prefix(longestClassName)))
          text.field("predicted", String(record.classes[mistake.predicted].prefix(longestClassName)))
          text.field("probability", Double(mistake.probability))
          text.field("target_probability", Double(mistake.targetProbability))
          left -= mistake.picture.count
          let isShown = !mistake.picture.isEmpty && left >= 0
          text.field("picture", optional: isShown ? Data(mistake.picture).base64EncodedString() : nil)
        }
      }
    }
  }
}
