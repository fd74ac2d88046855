import CPlatform

/// The matrix products of one Winograd coordinate, eight rows by thirty-two or sixteen columns at a time: the sums stay
/// in registers, and an element of the left matrix meets whole vectors of the right one. This reaches the CPU's rate of
/// fused multiply-adds, which oneDNN's general products approach only for larger matrices.
enum WinogradProducts {
  /// Rows of a call.
  static let rowCount = 8

  /// Eight tiles: M = V·U over all inputs.
  ///
  /// - Parameters:
  ///   - v: [inputBlocks][leftStride / 16][16], of which the first eight rows are read.
  ///   - u: [blocks][16·inputBlocks][16].
  ///   - m: [blocks][resultStride / 16][16], of which the first eight rows are written.
  @inline(never) static func multiply(
    _ v: UnsafePointer<Float>, leftStride: Int, _ u: UnsafePointer<Float>, inputBlocks: Int, blocks: Int,
    into m: UnsafeMutablePointer<Float>, resultStride: Int
  ) {
    @inline(__always) func run<Row: SumRow>(_ type: Row.Type) {
      var sums = EightRows<Row>()
      for block in 0..<inputBlocks {
        let (left, right) = (v + block &* leftStride, u + block &* 256)
        for input in 0..<16 {
          sums.add(left + input, rowStride: 16, Row.load(right + input &* 16, inputBlocks &* 256))
        }
      }
      sums.store(m, resultStride)
    }
    if blocks == 2 { run(PairOfVectors.self) } else { run(Vector.self) }
  }

  /// Eight filters: dU = Dᵀ·V over the tiles, or += it.
  ///
  /// - Parameters:
  ///   - d: [tiles][16], of which the first eight filters are read.
  ///   - next: the next `d`, for prefetching.
  ///   - v: [blocks][rightStride / 16][16], of which the first `tiles` rows are read.
  ///   - u: [blocks][16][16], of which the first eight rows are written.
  @inline(never) static func multiplyTransposed(
    _ d: UnsafePointer<Float>, next: UnsafePointer<Float>, tiles: Int, _ v: UnsafePointer<Float>, rightStride: Int,
    blocks: Int, into u: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    @inline(__always) func run<Row: SumRow>(_ type: Row.Type) {
      var sums = EightRows<Row>()
      if accumulate { sums.load(u, 256) }
      for tile in 0..<tiles {
        troupe_prefetch(next + tile &* 16)
        sums.add(d + tile &* 16, rowStride: 1, Row.load(v + tile &* 16, rightStride))
      }
      sums.store(u, 256)
    }
    if blocks == 2 { run(PairOfVectors.self) } else { run(Vector.self) }
  }
}

/// One or two vectors: a row of the right matrix, or of the result while it is summed.
private protocol SumRow {
  static var zero: Self { get }
  /// self + factor·other.
  func adding(_ factor: Float, _ other: Self) -> Self
  /// - Parameter stride: elements from the first vector to the second.
  static func load(_ source: UnsafePointer<Float>, _ stride: Int) -> Self
  func store(_ destination: UnsafeMutablePointer<Float>, _ stride: Int)
}

extension Vector: SumRow {
  @inline(__always) func adding(_ factor: Float, _ other: Vector) -> Vector {
    addingProduct(Vector(repeating: factor), other)
  }
  @inline(__always) static func load(_ source: UnsafePointer<Float>, _ stride: Int) -> Vector { Float.load(source) }
  @inline(__always) func store(_ destination: UnsafeMutablePointer<Float>, _ stride: Int) {
    Float.store(self, destination)
  }
}

private struct PairOfVectors: SumRow {
  var first, second: Vector

  @inline(__always) init(_ first: Vector, _ second: Vector) {
    self.first = first
    self.second = second
  }
  @inline(__always) static var zero: PairOfVectors { PairOfVectors(.zero, .zero) }
  @inline(__always) func adding(_ factor: Float, _ other: PairOfVectors) -> PairOfVectors {
    PairOfVectors(first.adding(factor, other.first), second.adding(factor, other.second))
  }
  @inline(__always) static func load(_ source: UnsafePointer<Float>, _ stride: Int) -> PairOfVectors {
    PairOfVectors(Float.load(source), Float.load(source + stride))
  }
  @inline(__always) func store(_ destination: UnsafeMutablePointer<Float>, _ stride: Int) {
    Float.store(first, destination)
    Float.store(second, destination + stride)
  }
}

/// Rows lie 16 elements apart in memory, the vectors of a row at the stride of the calls.
private struct EightRows<Row: SumRow> {
  var r0 = Row.zero, r1 = Row.zero, r2 = Row.zero, r3 = Row.zero
  var r4 = Row.zero, r5 = Row.zero, r6 = Row.zero, r7 = Row.zero

  @inline(__always) mutating func add(_ left: UnsafePointer<Float>, rowStride: Int, _ right: Row) {
    r0 = r0.adding(left[0], right)
    r1 = r1.adding(left[rowStride], right)
    r2 = r2.adding(left[2 &* rowStride], right)
    r3 = r3.adding(left[3 &* rowStride], right)
    r4 = r4.adding(left[4 &* rowStride], right)
    r5 = r5.adding(left[5 &* rowStride], right)
    r6 = r6.adding(left[6 &* rowStride], right)
    r7 = r7.adding(left[7 &* rowStride], right)
  }

  @inline(__always) mutating func load(_ from: UnsafePointer<Float>, _ stride: Int) {
    r0 = Row.load(from, stride)
    r1 = Row.load(from + 16, stride)
    r2 = Row.load(from + 32, stride)
    r3 = Row.load(from + 48, stride)
    r4 = Row.load(from + 64, stride)
    r5 = Row.load(from + 80, stride)
    r6 = Row.load(from + 96, stride)
    r7 = Row.load(from + 112, stride)
  }

  @inline(__always) func store(_ to: UnsafeMutablePointer<Float>, _ stride: Int) {
    r0.store(to, stride)
    r1.store(to + 16, stride)
    r2.store(to + 32, stride)
    r3.store(to + 48, stride)
    r4.store(to + 64, stride)
    r5.store(to + 80, stride)
    r6.store(to + 96, stride)
    r7.store(to + 112, stride)
  }
}
