import Models
import Tensors

/// Observes the parts of a training step: a profile notes their time, a bisection their results.
///
/// A lane's observer is called on the lane's thread, between two layers.
protocol StepObserver: Sendable {
  /// The lane begins a task.
  func begin()
  func received(_ fields: [TensorSlice], microBatch: Int)
  func ranForward(_ layer: Int, _ tape: borrowing Tape)
  func ranBackward(_ layer: Int, _ tape: borrowing Tape)
  /// The lane has joined its share of a layer's gradients.
  func reduced(_ layer: Int, microBatch: Int)
  func performed(_ task: LaneTask)
  /// The gradients of the batch are summed, but not clipped yet. Called by the coordinator.
  func summedGradients(_ model: RunModel)
}

extension StepObserver {
  func begin() {}
  func received(_ fields: [TensorSlice], microBatch: Int) {}
  func reduced(_ layer: Int, microBatch: Int) {}
  func performed(_ task: LaneTask) {}
  func summedGradients(_ model: RunModel) {}
}
