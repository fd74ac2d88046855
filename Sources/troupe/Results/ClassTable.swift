import Foundation
import Metrics

/// A classifier's classes as lines of text: how many samples, how many recognised, what they are mistaken for.
enum ClassTable {
  /// Of more classes than this, only the weakest are listed.
  private static let mostRows = 20
  private static let weakest = 10
  private static let longestName = 24

  /// Nothing for a model with too many classes for a confusion matrix.
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
    let rows = labels.map { label in
      let score = scores[label]
      let mistaken = score.mostMistakenFor.map { "\(names[$0.label]) (\($0.count))" } ?? ""
      return [names[label], "\(score.count)", percent(score.accuracy), percent(score.precision), mistaken]
    }
    let heads = ["class", "samples", "right", "precision", "most often taken for"]
    let lines = aligned([heads] + rows)
    return isCut ? lines + ["(the \(weakest) weakest of \(scores.count) classes)"] : lines
  }

  private static func percent(_ share: Double?) -> String { share.map { String(format: "%.1f%%", 100 * $0) } ?? "–" }

  /// Columns two spaces apart; names to the left, numbers to the right.
  private static func aligned(_ rows: [[String]]) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - row[column].count)
        let isText = column == 0 || column == row.count - 1
        return isText ? row[column] + space : space + row[column]
      }.joined(separator: "  ").trimmingSuffix(" ")
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var text = Substring(self)
    while text.last == character { text.removeLast() }
    return String(text)
  }
}
