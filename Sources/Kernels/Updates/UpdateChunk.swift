import Tensors

/// Part of one tensor that an optimizer updates in one pass, with everything that belongs to the same elements.
///
/// All slices have the same count; all but `bf16Weights` are float32.
package struct UpdateChunk: Sendable {
  package let gradient: TensorSlice
  package let parameter: TensorSlice
  /// A bfloat16 copy of the new parameters to write, for products.
  package var bf16Weights: TensorSlice?
  /// A moving average to draw toward the new parameters.
  package var average: TensorSlice?
  /// An optimizer keeps at most three states per parameter.
  private var states = InlineArray<3, TensorSlice?>(repeating: nil)

  package init(gradient: TensorSlice, parameter: TensorSlice) {
    precondition(gradient.type == .float32 && parameter.type == .float32 && gradient.count == parameter.count)
    self.gradient = gradient
    self.parameter = parameter
  }

  package mutating func setState(_ index: Int, _ slice: TensorSlice) {
    precondition(slice.type == .float32 && slice.count == parameter.count)
    states[index] = slice
  }

  func state(_ index: Int) -> TensorSlice {
    guard let slice = states[index] else { preconditionFailure("optimizer state \(index) was not set") }
    return slice
  }
}

/// The numbers of one step for all elements of a tensor.
package struct UpdateScalars: Sendable, BitwiseCopyable {
  /// Schedule and group already multiplied in.
  package var learningRate = 0.0
  /// Already zero where decay does not apply.
  package var weightDecay = 0.0
  /// The factor that clipping applies to every gradient, before anything else.
  package var gradientScale: Float = 1
  /// Gradients are cut to -clipValue ... clipValue after they are scaled.
  package var clipValue = Float.infinity
  /// The number of this update, from 1: for bias correction.
  package var step = 1
  /// Share of its old value that `UpdateChunk.average` keeps.
  package var averageDecay = 0.0

  package init() {}
}

/// Statistics of the parameters that a pass wrote, and of their changes (new − old).
package struct UpdateStatistics: Sendable, Equatable, BitwiseCopyable {
  package var parameter = TensorStatistics()
  package var update = TensorStatistics()

  package init() {}

  package mutating func merge(_ other: UpdateStatistics) {
    parameter.merge(other.parameter)
    update.merge(other.update)
  }
}
