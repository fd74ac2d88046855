import ArgumentParser
import Runs

/// The run that a command looks at, and which of its checkpoints.
struct RunSource: ParsableArguments {
  @Argument(help: "A run folder, or one of its checkpoint files.", completion: .directory)
  var run: String

  @Option(help: "newest, best, or a step's number.")
  var checkpoint = "newest"

  /// - Parameter say: told of damaged checkpoints that were passed over.
  func stored(say: (String) -> Void) throws -> StoredRun {
    try Self.stored(run, checkpoint: checkpoint, say: say)
  }

  static func stored(_ run: String, checkpoint: String, say: (String) -> Void) throws -> StoredRun {
    guard let choice = StoredRun.Choice(checkpoint) else {
      throw CommandFailure("--checkpoint \(checkpoint): expected newest, best or a step's number", 2)
    }
    return try StoredRun(run, choice, say: say)
  }
}
