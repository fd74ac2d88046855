import FoundationEssentials
import JSON

extension EvaluationRecord {
  static let format = "troupe-evaluation"
  private static let version = 1

  /// The file's text: one JSON object.
  var json: JSONText {
    var text = JSONText()
    text.object { text in
      text.field("format", Self.format)
      text.field("version", Self.version)
      text.field("run", run)
      text.field("step", step)
      text.field("split", split)
      text.field("ema", isEMA)
      if views > 1 { text.field("views", views) }
      text.field("count", count)
      text.field("loss", Double(loss), digits: LineBuffer.exactDigits)
      text.field("accuracy", accuracy, digits: LineBuffer.exactDigits)
      text.field("top5_accuracy", topAccuracy, digits: LineBuffer.exactDigits)
      text.field("correct", correct)
      if let topCorrect { text.field("top5_correct", topCorrect) }
      text.field("classes", classes)
      text.array("per_class") { text in
        for score in classScores {
          text.object { text in
            text.field("count", score.count)
            text.field("predicted", score.predicted)
            text.field("correct", score.correct)
            text.field("accuracy", score.accuracy)
            text.field("precision", score.precision)
          }
        }
      }
      text.array("confusion") { text in
        for start in stride(from: 0, to: confusion.count, by: classes.count) {
          text.array { text in
            for cell in confusion[start..<start + classes.count] { text.field(nil, cell) }
          }
        }
      }
      text.array("mistakes") { text in
        for mistake in mistakes { mistake.write(to: &text) }
      }
    }
    return text
  }

  /// - Throws: a reason in a few words when `json` is no evaluation of this version or does not agree with itself.
  init(json: JSON) throws(Damage) {
    guard json["format"]?.string == Self.format, json["version"]?.integer == Self.version else {
      throw Damage(reason: "not an evaluation of this version")
    }
    func missing(_ key: String) -> Damage { Damage(reason: "\"\(key)\" is missing or wrong") }
    func count(_ key: String) throws(Damage) -> Int {
      guard let value = json[key]?.integer, value >= 0 else { throw missing(key) }
      return value
    }
    guard let run = json["run"]?.string, let split = json["split"]?.string, let isEMA = json["ema"]?.boolean else {
      throw missing("run, split or ema")
    }
    guard let names = json["classes"]?.array?.map(\.string), !names.isEmpty, !names.contains(nil) else {
      throw missing("classes")
    }
    let classes = names.compactMap { $0 }
    let views = json["views"] == nil ? 1 : try count("views")
    guard views > 0 else { throw missing("views") }
    guard let rows = json["confusion"]?.array, rows.isEmpty || rows.count == classes.count else {
      throw missing("confusion")
    }
    var confusion: [Int] = []
    for row in rows {
      guard let cells = row.array, cells.count == classes.count else { throw missing("confusion") }
      for cell in cells {
        guard let value = cell.integer, value >= 0, value <= Self.largestCell else { throw missing("confusion") }
        confusion.append(value)
      }
    }
    guard let listed = json["mistakes"]?.array else { throw missing("mistakes") }
    var mistakes: [Mistake] = []
    for json in listed {
      guard let mistake = Mistake(json: json, classes: classes.count) else { throw missing("mistakes") }
      mistakes.append(mistake)
    }
    self.init(
      run: run, step: try count("step"), split: split, isEMA: isEMA,
      views: views, loss: Float(json["loss"]?.double ?? .nan),
      count: try count("count"), correct: try count("correct"),
      topCorrect: json["top5_correct"] == nil ? nil : try count("top5_correct"), classes: classes,
      confusion: confusion, mistakes: mistakes)
  }

  /// What keeps sums of a hostile file's cells from overflowing.
  private static let largestCell = 1 << 40

  /// Why a file is not read.
  struct Damage: Error { let reason: String }
}

extension EvaluationRecord.Mistake {
  /// What PNG files begin with.
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  fileprivate func write(to text: inout JSONText) {
    text.object { text in
      text.field("sample", sample)
      text.field("target", target)
      text.field("predicted", predicted)
      text.field("probability", Double(probability), digits: LineBuffer.exactDigits)
      text.field("target_probability", Double(targetProbability), digits: LineBuffer.exactDigits)
      text.field("loss", Double(loss), digits: LineBuffer.exactDigits)
      text.field("picture", optional: picture.isEmpty ? nil : Data(picture).base64EncodedString())
    }
  }

  fileprivate init?(json: JSON, classes: Int) {
    guard let sample = json["sample"]?.integer, sample >= 0, let target = json["target"]?.integer,
      let predicted = json["predicted"]?.integer, (0..<classes).contains(target), (0..<classes).contains(predicted)
    else { return nil }
    var picture: [UInt8] = []
    if let text = json["picture"]?.string {
      guard let data = Data(base64Encoded: text), data.starts(with: Self.signature) else { return nil }
      picture = Array(data)
    }
    func number(_ key: String) -> Float { Float(json[key]?.double ?? .nan) }
    self.init(
      sample: sample, target: target, predicted: predicted, probability: number("probability"),
      targetProbability: number("target_probability"), loss: number("loss"), picture: picture)
  }
}
