import Tensors

/// Statistics of a layer's outputs that show dead and saturated units.
package struct ActivationStatistics: Sendable, Equatable, BitwiseCopyable {
  /// Root of the mean square.
  package var rms: Double
  /// The share of columns that are zero in every row (for ReLU: not above zero).
  package var deadShare: Double
  /// For sigmoid and tanh the share of elements within 5% of the width of the range of either end; 0 for the others.
  package var saturatedShare: Double

  package init(rms: Double, deadShare: Double, saturatedShare: Double) {
    self.rms = rms
    self.deadShare = deadShare
    self.saturatedShare = saturatedShare
  }

  /// - Parameters:
  ///   - y: rows × columns outputs of `activation`, float32 or bfloat16.
  package static func measure(
    _ y: TensorSlice, rows: Int, columns: Int, activation: Activation
  ) -> ActivationStatistics {
    precondition(y.count == rows * columns && y.type != .int32 && y.count > 0)
    return y.type == .bfloat16
      ? measure(y.pointer(as: BFloat16.self), rows, columns, activation)
      : measure(y.pointer(as: Float.self), rows, columns, activation)
  }

  private static func measure<E: VectorElement>(
    _ y: UnsafeMutablePointer<E>, _ rows: Int, _ columns: Int, _ activation: Activation
  ) -> ActivationStatistics {
    let (low, high) = saturation(of: activation)
    var squares = 0.0
    var saturated = 0.0
    var dead = 0
    forEachChunk(columns) { chunk in
      withColumns(of: Double.self) { squareTotals in
        withColumns(of: Double.self) { aliveTotals in
          addRows(0..<rows, columns: chunk, to: squareTotals, and: aliveTotals) { row, column, lanes, squares, alive in
            let value = E.load(y + (row * columns + column), lanes: lanes)
            let isDead = activation == .relu ? value .<= Vector.zero : value .== Vector.zero
            squares.addProduct(value, value)
            alive += Vector(repeating: 1).replacing(with: 0, where: isDead)
          }
          for i in 0..<chunk.count {
            squares += squareTotals[i]
            if aliveTotals[i] == 0 { dead += 1 }
          }
        }
      }
      if activation.saturates {
        withColumns(of: Double.self) { totals in
          addRows(0..<rows, columns: chunk, to: totals) { row, column, lanes in
            let value = E.load(y + (row * columns + column), lanes: lanes)
            let isSaturated = (value .< Vector(repeating: low)) .| (value .> Vector(repeating: high))
            return Vector.zero.replacing(with: 1, where: isSaturated)
          }
          for i in 0..<chunk.count { saturated += totals[i] }
        }
      }
    }
    let count = Double(rows * columns)
    return ActivationStatistics(
      rms: (squares / count).squareRoot(), deadShare: Double(dead) / Double(columns), saturatedShare: saturated / count)
  }

  /// Outputs below the first and above the second are saturated.
  private static func saturation(of activation: Activation) -> (Float, Float) {
    switch activation {
    case .sigmoid: (0.05, 0.95)
    case .tanh: (-0.9, 0.9)
    default: (-.infinity, .infinity)
    }
  }
}
