import FoundationEssentials
import JSON

extension EvaluationRecord: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.constant("format", "troupe-evaluation")
    coder.constant("version", 1)
    coder.member("run", &run)
    coder.member("step", &step)
    coder.member("split", &split)
    coder.member("ema", &isEMA)
    var shownViews = views > 1 ? views : nil
    coder.member(optional: "views", &shownViews)
    views = shownViews ?? 1
    coder.require(views > 0, "views", "expected at least 1")
    coder.member("count", &count)
    coder.finite("loss", &loss)
    coder.derived("accuracy", .finite(accuracy, digits: LineBuffer.exactDigits))
    coder.derived("top5_accuracy", .finite(topAccuracy, digits: LineBuffer.exactDigits))
    coder.member("correct", &correct)
    coder.member(optional: "top5_correct", &topCorrect)
    coder.member("classes", &classes)
    let size = classes.count
    coder.require(size > 0, "classes", "expected at least one name")
    coder.derived("per_class", .array(classScores.map(\.json)))
    var rows = stride(from: 0, to: confusion.count, by: max(1, size)).map { Array(confusion[$0..<$0 + size]) }
    coder.member("confusion", &rows)
    func isWhole(_ row: [Int]) -> Bool { row.count == size && row.allSatisfy { $0 <= Self.largestCell } }
    coder.require(
      rows.isEmpty || rows.count == size && rows.allSatisfy(isWhole), "confusion",
      "expected a count of at most \(Self.largestCell) for every pair of classes")
    confusion = Array(rows.joined())
    coder.member("mistakes", &mistakes)
    coder.require(
      mistakes.allSatisfy { $0.target < size && $0.predicted < size }, "mistakes", "expected labels below \(size)")
  }

  /// The bound keeps sums of a hostile file's cells from overflowing.
  private static let largestCell = 1 << 40
}

extension EvaluationRecord.ClassScore {
  fileprivate var json: JSON {
    [
      "count": count, "predicted": predicted, "correct": correct, "accuracy": JSON.finite(accuracy),
      "precision": JSON.finite(precision),
    ]
  }
}

extension EvaluationRecord.Mistake: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("sample", &sample)
    coder.member("target", &target)
    coder.member("predicted", &predicted)
    coder.finite("probability", &probability)
    coder.finite("target_probability", &targetProbability)
    coder.finite("loss", &loss)
    var text = picture.isEmpty ? nil : Data(picture).base64EncodedString()
    coder.member("picture", &text)
    guard coder.isReading, let text else { return }
    picture = Data(base64Encoded: text).map { Array($0) } ?? []
    coder.require(picture.starts(with: Self.signature), "picture", "expected a PNG file in base64")
  }

  /// The first bytes of PNG files.
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
}
