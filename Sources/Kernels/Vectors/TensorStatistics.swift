import CPlatform
import Tensors

/// The statistics of a tensor for records and clipping, gathered by passes that read it anyway.
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

  /// The statistics of the results of `value(i, lanes)`; lanes beyond the end must be zero.
  ///
  /// - Parameter memory: the same values afterward, for the rare case that they are huge or not finite.
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
    let merged = a.merged(with: b)
    return merged.isAccurate ? merged.statistics() : measureExactly(memory, count)
  }

  /// Element by element, in float64: for huge values, and for counting those that are not finite.
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

/// Sixteen running statistics in float32: five instructions per vector, because every pass over every tensor computes
/// them.
///
/// The squares of vanishing gradients leave float32, so they are added up twice: as they are, and of the values times
/// 2⁸⁰. Each sum serves half of the range; both together, everything from 10⁻³⁸ to 10¹⁶.
struct StatisticsLanes {
  private var squares = Vector.zero
  private var raisedSquares = Vector.zero
  /// The largest magnitudes as bits, whose order is that of the magnitudes with NaN above infinity.
  private var largest = SIMD16<Int32>.zero

  private static let raise: Float = 0x1p80
  /// Where the largest magnitude is below this, the raised squares are taken. Up to here they stay below 10²⁹, and from
  /// here on the plain ones of all that is not smaller by 10⁻⁹ stay above 10⁻³⁸.
  private static let smallestPlain: Float = 1e-10
  /// Up to here the sum of a million plain squares is below 10³⁸.
  private static let largestPlain: Float = 1e16

  @inline(__always) mutating func add(_ vector: Vector) {
    let x = troupe_whole16(vector)
    let raised = x * Self.raise
    squares = squares.addingProduct(x, x)
    raisedSquares = raisedSquares.addingProduct(raised, raised)
    largest = troupe_max_int16(largest, unsafeBitCast(x, to: SIMD16<Int32>.self) & 0x7FFF_FFFF)
  }

  @inline(__always) func merged(with other: StatisticsLanes) -> StatisticsLanes {
    var merged = self
    merged.squares += other.squares
    merged.raisedSquares += other.raisedSquares
    merged.largest = troupe_max_int16(largest, other.largest)
    return merged
  }

  /// NaN where an element was.
  private var largestMagnitude: Float { Float(bitPattern: UInt32(bitPattern: largest.max())) }

  /// Whether one of the sums can be trusted: not where a value is huge or not finite.
  var isAccurate: Bool { largestMagnitude <= Self.largestPlain }

  func statistics(nonfinite: Int = 0) -> TensorStatistics {
    let isRaised = largestMagnitude < Self.smallestPlain
    let sums = isRaised ? raisedSquares : squares
    let four = sums.lowHalf.lowHalf + sums.lowHalf.highHalf + (sums.highHalf.lowHalf + sums.highHalf.highHalf)
    let sum = (Double(four.x) + Double(four.y)) + (Double(four.z) + Double(four.w))
    let scale = isRaised ? Double(Self.raise) * Double(Self.raise) : 1
    return TensorStatistics(sumOfSquares: sum / scale, largest: largestMagnitude, nonfinite: nonfinite)
  }
}
