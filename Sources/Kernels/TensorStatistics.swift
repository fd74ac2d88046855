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
    return measure(from, x.count) { i, lanes in Float.load(from + i, lanes: lanes) }
  }

  /// The statistics of what `value(i, lanes)` returns; lanes beyond the end must be zero.
  ///
  /// - Parameter memory: where the same values stand afterwards, for the rare case that they are looked at again.
  @inline(__always)
  static func measure(
    _ memory: UnsafePointer<Float>, _ count: Int, _ value: (Int, Int) -> Vector
  ) -> TensorStatistics {
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
    let quick = a.merged(with: b)
    return quick.isAccurate ? quick.statistics() : measureAgain(memory, count, largest: quick.largestMagnitude)
  }

  /// For values whose squares leave float32, such as vanishing gradients: scaled by a power of two, which loses nothing.
  @inline(never)
  private static func measureAgain(_ memory: UnsafePointer<Float>, _ count: Int, largest: Float) -> TensorStatistics {
    guard largest.isFinite else { return measureExactly(memory, count) }
    let scale = Float(sign: .plus, exponent: -max(largest.exponent, -126), significand: 1)
    var lanes = StatisticsLanes()
    forEachVector(count) { i, width in lanes.add(Float.load(memory + i, lanes: width) * scale) }
    return lanes.statistics(scale: scale)
  }

  /// Element by element, for counting those that are not finite.
  @inline(never)
  static func measureExactly(_ memory: UnsafePointer<Float>, _ count: Int) -> TensorStatistics {
    var statistics = TensorStatistics()
    for i in 0..<count {
      let value = memory[i]
      statistics.sumOfSquares += Double(value) * Double(value)
      if !(value.magnitude <= statistics.largest) && !statistics.largest.isNaN { statistics.largest = value.magnitude }
      if !value.isFinite { statistics.nonfinite += 1 }
    }
    return statistics
  }
}

/// Sixteen running statistics in float32: three instructions a vector, because every pass over every tensor takes them along.
struct StatisticsLanes {
  private var squares = Vector.zero
  /// The largest magnitudes as bits, whose order is that of the magnitudes with NaN above infinity.
  private var largest = SIMD16<Int32>.zero

  /// Magnitudes between these have squares, and sums of squares, well inside float32; smaller ones beside them do not matter.
  private static let smallestAccurate: Float = 1e-15
  private static let largestAccurate: Float = 1e16

  @inline(__always) mutating func add(_ vector: Vector) {
    let x = troupe_whole16(vector)
    squares = squares.addingProduct(x, x)
    largest = troupe_max_int16(largest, unsafeBitCast(x, to: SIMD16<Int32>.self) & 0x7FFF_FFFF)
  }

  @inline(__always) func merged(with other: StatisticsLanes) -> StatisticsLanes {
    var merged = self
    merged.squares += other.squares
    merged.largest = troupe_max_int16(largest, other.largest)
    return merged
  }

  /// NaN where an element was.
  var largestMagnitude: Float { Float(bitPattern: UInt32(bitPattern: largest.max())) }

  /// Whether the sum of squares can be trusted: nothing but zeros, or a largest magnitude whose square is representable.
  var isAccurate: Bool {
    let largest = largestMagnitude
    return largest == 0 || (largest >= Self.smallestAccurate && largest <= Self.largestAccurate)
  }

  /// - Parameter scale: what every value was multiplied by before it was added.
  func statistics(scale: Float = 1, nonfinite: Int = 0) -> TensorStatistics {
    let four = squares.lowHalf.lowHalf + squares.lowHalf.highHalf + (squares.highHalf.lowHalf + squares.highHalf.highHalf)
    let sum = (Double(four.x) + Double(four.y)) + (Double(four.z) + Double(four.w))
    return TensorStatistics(
      sumOfSquares: sum / (Double(scale) * Double(scale)), largest: largestMagnitude / scale, nonfinite: nonfinite)
  }
}
