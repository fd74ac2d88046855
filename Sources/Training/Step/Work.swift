import Checkpoints
import Inference

/// What the optimizer stage tells every lane to do next; the lanes meet between any two.
package enum Work: Sendable {
  /// This lane's share of what layers derive from the parameters.
  case prepare(Preparation.Program)
  /// Forward and backward over this lane's micro-batches.
  case play(step: Int, watching: Bool)
  /// This lane's share of adaptive clipping.
  case clipRows
  /// This lane's share of the update.
  case update
  /// This lane's share of a held-out split.
  case evaluate(Evaluation)
  /// This lane's share of drawing samples.
  case draw(SampleDrawing)
  /// This lane's share of copying the state for a checkpoint.
  case snapshot
  case stop
}
