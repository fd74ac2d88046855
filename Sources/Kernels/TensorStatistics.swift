import Arenas
import CPlatform

/// What telemetry and clipping need to know of a tensor; a pass takes it along.
package struct TensorStatistics: Sendable, Equatable, BitwiseCopyable {
  /// In float64, so that gradients of 1e-30 and of 1e+30 have a norm; NaN or infinite where an element is.
  package var sumOfSquares = 0.0
  /// The largest absolute value; NaN where an element is.
  package var largest: Float = 0
  /// Elements that are NaN or infinite.
  package var nonfinite = 0

  package init(sumOfSquares: Double = 0, largest: Float = 0, nonfinite: Int = 0) {
    self.sumOfSquares = sumOfSquares
    self.largest = largest
    self.nonfinite = nonfinite
  }

  package mutating func merge(_ other: TensorStatistics) {
    sumOfSquares += other.sumOfSquares
    largest = other.largest.isNaN || other.largest > largest ? other.largest : largest
    nonfinite += other.nonfinite
  }

  /// √ of the sum of squares.
  package var norm: Double { sumOfSquares.squareRoot() }
}

package enum Statistics {
  /// - Parameter x: float32.
  package static func measure(_ x: TensorSlice) -> TensorStatistics {
    precondition(x.type == .float32)
    let from = x.pointer(as: Float.self)
    return measure(x.count) { i, lanes in Float.load(from + i, lanes: lanes) }
  }

  /// The statistics of what `value(i, lanes)` returns; lanes beyond the end must be zero.
  @inline(__always)
  static func measure(_ count: Int, _ value: (Int, Int) -> Vector) -> TensorStatistics {
    var (a, b) = (StatisticsLanes(), StatisticsLanes())
    var i = 0
    while i &+ 32 <= count {
      a.add(value(i, 16))
      b.add(value(i &+ 16, 16))
      i &+= 32
    }
    while i < count {
      a.add(value(i, min(16, count &- i)))
      i &+= 16
    }
    return a.merged(with: b)
  }
}

/// Sixteen running statistics.
struct StatisticsLanes {
  private var lowSquares = SIMD8<Double>.zero
  private var highSquares = SIMD8<Double>.zero
  /// The largest magnitudes as bits, whose order is that of the magnitudes with NaN above infinity.
  private var largest = SIMD16<Int32>.zero
  private var nonfinite = SIMD16<UInt32>.zero

  @inline(__always) mutating func add(_ vector: Vector) {
    let x = troupe_whole16(vector)
    let low = troupe_double_of_float8(x.lowHalf)
    let high = troupe_double_of_float8(x.highHalf)
    lowSquares.addProduct(low, low)
    highSquares.addProduct(high, high)
    let bits = unsafeBitCast(x, to: SIMD16<Int32>.self) & 0x7FFF_FFFF
    largest = largest.replacing(with: bits, where: bits .> largest)
    // From infinity's bits on, adding one exponent carries into the sign; a comparison would go lane by lane.
    nonfinite &+= (unsafeBitCast(bits, to: SIMD16<UInt32>.self) &+ 0x0080_0000) &>> 31
  }

  @inline(__always) func merged(with other: StatisticsLanes) -> TensorStatistics {
    let squares = (lowSquares + other.lowSquares) + (highSquares + other.highSquares)
    let four = squares.lowHalf + squares.highHalf
    let two = four.lowHalf + four.highHalf
    let bits = Swift.max(largest.max(), other.largest.max())
    return TensorStatistics(
      sumOfSquares: two.x + two.y, largest: Float(bitPattern: UInt32(bitPattern: bits)),
      nonfinite: Int((nonfinite &+ other.nonfinite).wrappedSum()))
  }
}
