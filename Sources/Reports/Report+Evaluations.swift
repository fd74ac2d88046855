import FoundationEssentials
import JSON
import Metrics

/// The part of a run's data that shows a classifier's right and wrong answers.
extension Report {
  /// Bytes of images, and cells of confusion matrices, of all runs together.
  private static let imageBudget = 600_000
  private static let cellBudget = 30_000
  /// Mistakes of a run among several.
  private static let mistakesSideBySide = 8
  private static let longestClassName = 60

  /// The shown evaluations of each run: all of a single run; of several runs, the split that most of them have.
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

  /// - Parameter share: the number of evaluations that share the budgets.
  static func evaluations(_ run: RunLog, _ shown: [EvaluationRecord], share: Int) -> JSON {
    let records = shown.map { record in
      JSON.joining(
        [
          "split": record.split, "step": record.step, "is_ema": record.isEMA, "views": record.views,
          "loss": JSON.finite(Double(record.loss)), "count": record.count, "accuracy": JSON.finite(record.accuracy),
          "top_accuracy": JSON.finite(record.topAccuracy), "mistake_count": record.count - record.correct,
        ], classes(record, cells: cellBudget / share),
        mistakes(record, isAlone: share == shown.count, bytes: imageBudget / share))
    }
    return ["damaged_evaluations": run.damagedEvaluations, "evaluations": records]
  }

  private static func classes(_ record: EvaluationRecord, cells most: Int) -> JSON {
    let scores = record.classScores
    let rows = scores.map { score in
      let mistaken = score.mostMistakenFor ?? (label: 0, count: 0)
      return [score.count, score.predicted, score.correct, mistaken.label, mistaken.count]
    }
    // Of too many cells only the largest: the others would hardly be visible.
    var filled = record.confusion.indices.filter { record.confusion[$0] > 0 }
    let hidden = max(0, filled.count - most)
    if hidden > 0 {
      filled.sort { (record.confusion[$1], $0) < (record.confusion[$0], $1) }
      filled.removeLast(hidden)
    }
    let size = record.classes.count
    return [
      "classes": scores.isEmpty ? [] : record.classes.map { String($0.prefix(longestClassName)) }, "scores": rows,
      "hidden_cells": hidden, "cells": filled.flatMap { [$0 / size, $0 % size, record.confusion[$0]] },
    ]
  }

  private static func mistakes(_ record: EvaluationRecord, isAlone: Bool, bytes: Int) -> JSON {
    var left = bytes
    let shown = record.mistakes.prefix(isAlone ? record.mistakes.count : mistakesSideBySide)
    let mistakes = shown.map { mistake -> JSON in
      left -= mistake.picture.count
      let isShown = !mistake.picture.isEmpty && left >= 0
      return [
        "sample": mistake.sample, "target": String(record.classes[mistake.target].prefix(longestClassName)),
        "predicted": String(record.classes[mistake.predicted].prefix(longestClassName)),
        "probability": JSON.finite(Double(mistake.probability)),
        "target_probability": JSON.finite(Double(mistake.targetProbability)),
        "picture": isShown ? Data(mistake.picture).base64EncodedString() : nil,
      ]
    }
    return ["mistakes": mistakes]
  }
}
