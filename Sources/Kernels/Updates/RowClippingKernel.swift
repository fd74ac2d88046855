import CPlatform
import Tensors

/// The rows of a gradient held to a share of the norm of their parameters.
package enum RowClippingKernel {
  /// Where ‖G‖ > factor·max(‖W‖, epsilon), the row becomes G·factor·max(‖W‖, epsilon) / ‖G‖; rows that are not finite
  /// stay.
  ///
  /// - Parameters:
  ///   - gradient: [rows, n] float32, in place.
  ///   - parameter: [rows, n] float32.
  /// - Returns: how many rows were scaled.
  package static func clip(
    _ gradient: TensorSlice, parameter: TensorSlice, rows: Int, factor: Double, epsilon: Double
  ) -> Int {
    precondition(gradient.type == .float32 && parameter.type == .float32 && gradient.count == parameter.count)
    precondition(rows > 0 && gradient.count % rows == 0)
    let columns = gradient.count / rows
    let g = gradient.pointer(as: Float.self)
    let w = parameter.pointer(as: Float.self)
    var clipped = 0
    for row in 0..<rows {
      let start = row * columns
      let norm = sumOfSquares(g + start, columns).squareRoot()
      let bound = factor * max(sumOfSquares(w + start, columns).squareRoot(), epsilon)
      guard norm > bound, norm.isFinite, bound.isFinite else { continue }
      let scale = Float(bound / norm)
      map(columns, g + start, into: g + start) { $0 * scale }
      clipped += 1
    }
    return clipped
  }

  /// In float64, where no square of a float32 overflows.
  @inline(__always)
  private static func sumOfSquares(_ x: UnsafePointer<Float>, _ count: Int) -> Double {
    var low = SIMD8<Double>.zero
    var high = SIMD8<Double>.zero
    forEachVector(count) { i, lanes in
      let vector = Float.load(x + i, lanes: lanes)
      let first = troupe_double_of_float8(vector.lowHalf)
      let second = troupe_double_of_float8(vector.highHalf)
      low.addProduct(first, first)
      high.addProduct(second, second)
    }
    let eight = low + high
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }
}
