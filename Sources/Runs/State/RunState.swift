import Configuration
import JSON
import Optimizers

/// Everything about a run that changes with time and is not a tensor: saved with every checkpoint, whole.
///
/// A new kind of state is a property here; the compiler then asks for it in `json` and `init(json:)` alike.
package struct RunState: Sendable, Equatable {
  /// Optimizer steps done: the only time axis.
  package var step = 0
  /// Batches consumed since the start; ahead of `step` by the batches that a roll-back left behind.
  package var cursor = 0
  /// Updates left out because a gradient was not finite.
  package var skippedUpdates = 0
  package var rollBacks = 0
  /// The monitored value of the checkpoints that are kept as the best, best first.
  package var best: [BestCheckpoint] = []
  /// The lowest validation loss so far and how many evaluations ago it was.
  package var lowestLoss: Double?
  package var evaluationsSinceLowest = 0
  /// The step of the last evaluation; nil before the first.
  package var evaluatedStep: Int?
  /// What a schedule that looks at the validation loss remembers.
  package var plateau: PlateauState?
  /// Seconds of training, over all resumptions.
  package var seconds = 0.0

  package struct BestCheckpoint: Sendable, Equatable {
    package var step: Int
    package var value: Double
  }

  package init() {}

  /// The state before the first step.
  package init(startOf configuration: RunConfiguration) {
    plateau = configuration.schedule.initialPlateau
  }

  package var json: JSON {
    .object([
      ("step", .integer(step)), ("cursor", .integer(cursor)), ("skipped_updates", .integer(skippedUpdates)),
      ("roll_backs", .integer(rollBacks)),
      ("best", .array(best.map { .object([("step", .integer($0.step)), ("value", .number($0.value))]) })),
      ("lowest_loss", lowestLoss.map { .number($0) } ?? .null),
      ("evaluations_since_lowest", .integer(evaluationsSinceLowest)),
      ("evaluated_step", evaluatedStep.map { .integer($0) } ?? .null),
      ("plateau", plateau?.json ?? .null), ("seconds", .number(seconds)),
    ])
  }

  /// More than any run comes to; what is added to a count that a file states cannot overflow.
  private static let largestCount = 1 << 48

  /// - Throws: when a key is missing or of another type: the checkpoint is not one of this version.
  package init(json: JSON) throws(ConfigurationError) {
    func number(_ key: String) throws(ConfigurationError) -> Double {
      guard let value = json[key]?.double else { throw Self.missing(key) }
      return value
    }
    func count(_ key: String) throws(ConfigurationError) -> Int {
      guard let value = json[key]?.integer, (0...Self.largestCount).contains(value) else { throw Self.missing(key) }
      return value
    }
    step = try count("step")
    cursor = try count("cursor")
    skippedUpdates = try count("skipped_updates")
    rollBacks = try count("roll_backs")
    guard let entries = json["best"]?.array else { throw Self.missing("best") }
    for entry in entries {
      guard let step = entry["step"]?.integer, let value = entry["value"]?.double else { throw Self.missing("best") }
      best.append(BestCheckpoint(step: step, value: value))
    }
    lowestLoss = json["lowest_loss"]?.double
    evaluationsSinceLowest = try count("evaluations_since_lowest")
    evaluatedStep = json["evaluated_step"]?.integer
    if let saved = json["plateau"], saved != .null { plateau = try PlateauState(json: saved) }
    seconds = try number("seconds")
  }

  private static func missing(_ key: String) -> ConfigurationError {
    ConfigurationError(path: key, message: "is missing in the checkpoint or of another type")
  }
}
