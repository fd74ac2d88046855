import Configuration
import JSON
import Optimizers

/// The state of a run besides its tensors, saved with every checkpoint.
///
/// A new property must be added to `json` and `init(json:)`.
package struct RunState: Sendable, Equatable {
  /// Completed steps.
  package var step = 0
  /// Batches consumed since the start; ahead of `step` by the batches that were rolled back.
  package var cursor = 0
  /// Updates skipped because a gradient was not finite.
  package var skippedUpdates = 0
  package var rollBacks = 0
  /// The checkpoints that are kept as the best, best first.
  package var best: [BestCheckpoint] = []
  /// The lowest validation loss so far, and the number of evaluations since.
  package var lowestLoss: Double?
  package var evaluationsSinceLowest = 0
  /// The step of the last evaluation; nil before the first.
  package var evaluatedStep: Int?
  /// The state of a schedule that waits for a plateau.
  package var plateau: PlateauState?
  /// The training time in seconds, over all sessions.
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
    [
      "step": step, "cursor": cursor, "skipped_updates": skippedUpdates, "roll_backs": rollBacks,
      "best": best.map { checkpoint -> JSON in ["step": checkpoint.step, "value": checkpoint.value] },
      "lowest_loss": lowestLoss, "evaluations_since_lowest": evaluationsSinceLowest,
      "evaluated_step": evaluatedStep, "plateau": plateau?.json, "seconds": seconds,
    ]
  }

  /// More than any run reaches, and low enough that sums with counts from a file cannot overflow.
  private static let largestCount = 1 << 48

  /// - Throws: if a key is missing or of another type, as in checkpoints of other versions.
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
