import Configuration

/// The reaction to a gradient or loss that is not finite; parameters are never updated with it.
package enum NonfinitePolicy: Sendable, Equatable {
  case abort
  /// Leave the update out, up to `limit` times in a run.
  case skip(limit: Int)
  /// Return to the last good checkpoint and resume with the data after the bad batch, up to `limit` times in a run.
  case rollBack(limit: Int)

  package enum Decision: Sendable, Equatable {
    case skip, rollBack
    /// The reason is part of the error, beside the tensor.
    case abort(reason: String)
  }

  /// - Parameters:
  ///   - skipped: updates left out so far in this run.
  ///   - rollBacks: returns to a checkpoint so far in this run.
  package func decide(skipped: Int, rollBacks: Int) -> Decision {
    switch self {
    case .abort: .abort(reason: "on_nonfinite is \"abort\"; \"skip\" or \"roll_back\" would continue")
    case .skip(let limit):
      skipped < limit
        ? .skip : .abort(reason: "\(skipped) updates were skipped before, as many as max_skipped allows")
    case .rollBack(let limit):
      rollBacks < limit
        ? .rollBack : .abort(reason: "rolled back \(rollBacks) times before, as often as max_roll_backs allows")
    }
  }
}

extension SettingsReader {
  private enum Choice: String, CaseIterable {
    case abort, skip
    case rollBack = "roll_back"
  }

  /// The keys "on_nonfinite", "max_skipped" and "max_roll_backs" of this object.
  package func nonfinitePolicy() throws(ConfigurationError) -> NonfinitePolicy {
    let choice = try choice(
      "on_nonfinite", default: Choice.abort,
      "when a gradient or the loss is not finite: abort, skip the update, or roll_back to the last checkpoint")
    let skips = try optionalInteger("max_skipped", in: 1...1_000_000_000, "updates a run may skip; 100 if absent")
    let rollBacks = try optionalInteger("max_roll_backs", in: 1...1_000_000, "times a run may roll back; 3 if absent")
    try require(skips == nil || choice == .skip, "max_skipped", "is only used with \"on_nonfinite\": \"skip\"")
    try require(
      rollBacks == nil || choice == .rollBack, "max_roll_backs", "is only used with \"on_nonfinite\": \"roll_back\"")
    return switch choice {
    case .abort: .abort
    case .skip: .skip(limit: skips ?? 100)
    case .rollBack: .rollBack(limit: rollBacks ?? 3)
    }
  }
}
