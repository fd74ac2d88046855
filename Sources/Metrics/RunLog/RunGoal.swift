import JSON

/// The length and the monitored metric of a run, from its resolved configuration.
struct RunGoal: Sendable {
  static let lossName = "validation.loss"
  static let accuracyName = "validation.accuracy"

  /// Whether the best is the highest accuracy; otherwise it is the lowest loss.
  let accuracy: Bool
  private let duration: (count: Double, isEpochs: Bool)?

  init(configuration: String?) {
    let bytes = Array((configuration ?? "").utf8)
    let json = try? JSONParser.parse(bytes.span)
    accuracy = json?["checkpoints"]?["monitor"]?.string == Self.accuracyName
    let words = (json?["training"]?["duration"]?.string ?? "").split(separator: " ")
    duration = words.count == 2 ? Double(words[0]).map { ($0, words[1].hasPrefix("epoch")) } : nil
  }

  /// Steps of the whole run, with the length of an epoch from one of its steps; nil if it cannot be computed.
  func totalSteps(_ record: StepRecord) -> Int? {
    guard let duration, record.epoch > 0 else { return nil }
    let perEpoch = (Double(record.step) / record.epoch).rounded()
    return Int(exactly: (duration.count * (duration.isEpochs ? perEpoch : 1)).rounded())
  }
}
