import Inference

/// A task that the coordinator hands to all lanes; each does its share.
enum LaneTask: Sendable {
  /// Derive tensors from the parameters, such as packed weights.
  case prepare(Preparation.Program)
  /// Run the lane's micro-batches forward and backward.
  case forwardBackward(step: Int, watching: Bool)
  /// Clip the gradients of weights row by row.
  case clipRows
  /// Update the parameters.
  case update
  /// Evaluate a split.
  case evaluate(Evaluation)
  /// Draw samples.
  case draw(SampleDrawing)
  /// Copy the state for a checkpoint.
  case snapshot
  case stop

  /// The name of the task in a profile; nil if the profile shows its parts.
  var span: ProfileSpan.Kind? {
    switch self {
    case .prepare: .preparation
    case .clipRows: .clipping
    case .update: .update
    case .evaluate, .draw: .evaluation
    case .snapshot: .snapshot
    case .forwardBackward, .stop: nil
    }
  }
}
