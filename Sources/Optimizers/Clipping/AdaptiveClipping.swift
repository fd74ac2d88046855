import Configuration
import Kernels
import Tensors

/// Adaptive gradient clipping (Brock et al., "High-Performance Large-Scale Image Recognition Without Normalization",
/// 2021): a row's gradient G is multiplied by λ·max(‖W‖, ε) / ‖G‖ where ‖G‖ is larger than λ·max(‖W‖, ε).
///
/// A row is the parameters of one output: W (out, in) or (out, in, height, width). The paper leaves the last linear
/// layer out.
package struct AdaptiveClipping: Settings, Equatable {
  private let factor: Double
  private let epsilon: Double

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    factor = try reader.number(
      "clipping_factor", default: 0.01, in: 0...1e6, above: true,
      "the largest ratio of a row's gradient to its parameters")
    epsilon = try reader.number(
      "epsilon", default: 1e-3, in: 0...1e6, above: true, "the norm that rows of smaller norm are taken to have")
  }

  /// Scales the rows of one tensor's gradient in place.
  ///
  /// - Parameters:
  ///   - gradient: rows × anything.
  ///   - parameter: the same.
  ///   - rows: the tensor's first extent; 1 takes it as a whole, as for biases.
  /// - Returns: how many rows were scaled.
  @discardableResult
  package func clip(gradient: TensorSlice, parameter: TensorSlice, rows: Int) -> Int {
    RowClippingKernel.clip(gradient, parameter: parameter, rows: rows, factor: factor, epsilon: epsilon)
  }
}
