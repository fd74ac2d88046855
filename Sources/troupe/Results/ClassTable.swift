import Foundation
import Metrics

/// A classifier's classes as a table: number of samples, accuracy, precision, most frequent mistake.
enum ClassTable {
  /// With more classes, only the weakest are listed.
  private static let mostRows = 20
  private static let weakest = 10
  private static let longestName = 24

  /// Empty for a model with too many classes for a confusion matrix.
  static func lines(of record: EvaluationRecord) -> [String] {
    let scores = record.classScores
    guard !scores.isEmpty else { return [] }
    var labels = Array(scores.indices)
    let isCut = labels.count > mostRows
    if isCut {
      labels.sort { (scores[$0].accuracy ?? 2, $0) < (scores[$1].accuracy ?? 2, $1) }
      labels = Array(labels.prefix(weakest))
    }
    let names = record.classes.map { $0.count > longestName ? $0.prefix(longestName - 1) + "…" : $0 }
    var table = TextTable(["class", "samples", "right", "precision", "most often taken for"], rightAligned: [1, 2, 3])
    for label in labels {
      let score = scores[label]
      let mistaken = score.mostMistakenFor.map { "\(names[$0.label]) (\($0.count))" } ?? ""
      table.append([names[label], "\(score.count)", percent(score.accuracy), percent(score.precision), mistaken])
    }
    return isCut ? table.lines() + ["(the \(weakest) weakest of \(scores.count) classes)"] : table.lines()
  }

  private static func percent(_ share: Double?) -> String { share.map { String(format: "%.1f%%", 100 * $0) } ?? "–" }
}
