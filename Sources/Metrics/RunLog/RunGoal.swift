import JSON

/// What a resolved configuration says of a run's length and of what it watches.
struct RunGoal: Sendable {
  static let lossName = "validation.loss"
  static let accuracyName = "validation.accuracy"

  /// Whether the highest accuracy is the best, and not the lowest loss.
  let accuracy: Bool
  private let duration: (count: Double, isEpochs: Bool)?

  init(configuration: String?) {
    let bytes = Array((configuration ?? "").utf8)
    let json = try? JSONParser.parse(bytes.span)
    accuracy = json?["checkpoints"]?["monitor"]?.string == Self.accuracyName
    let words = (json?["training"]?["duration"]?.string ?? "").split(separator: " ")
    duration = words.count == 2 ? Double(words[0]).map { ($0, words[1].hasPrefix("epoch")) } : nil
  }

  /// Steps of the whole run, as one of its steps shows how long an epoch is; nil where that says nothing.
  func totalSteps(_ record: StepRecord) -> Int? {
    guard let duration, record.epoch > 0 else { return nil }
    let perEpoch = (Double(record.step) / record.epoch).rounded()
    return Int(exactly: (duration.count * (duration.isEpochs ? perEpoch : 1)).rounded())
  }
}
