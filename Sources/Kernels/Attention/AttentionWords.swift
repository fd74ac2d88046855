import CPlatform
import Tensors

/// The 32-bit words that attention's products read: a float32, or two bfloat16 that are summed over together.
///
/// Tiles lie in memory as words, addressed as `Float` whatever they hold. A matrix that is summed over its columns is
/// packed in *rows*: words of neighbouring columns. One that is summed over its rows is packed in *pairs*: a word holds
/// the elements of two rows in one column. For float32 both are the plain matrix.
protocol AttentionWords {
  static var elementsPerWord: Int { get }
  /// sum + factor·other, the word `factor` against every lane of `other`.
  static func add(_ sum: Vector, _ factor: Float, _ other: Vector) -> Vector
  /// Sixteen elements from element `column` of a row.
  static func storeRow(_ x: Vector, _ row: UnsafeMutablePointer<Float>, column: Int)
  /// Sixteen elements each of the rows 2·`pair` and 2·`pair` + 1, in pairs, to a matrix of `stride` columns.
  static func storePair(
    _ x: Vector, _ y: Vector, _ matrix: UnsafeMutablePointer<Float>, pair: Int, stride: Int, column: Int)
}

enum FloatWords: AttentionWords {
  static var elementsPerWord: Int { @inline(__always) get { 1 } }

  @inline(__always) static func add(_ sum: Vector, _ factor: Float, _ other: Vector) -> Vector {
    sum.addingProduct(Vector(repeating: factor), other)
  }

  @inline(__always) static func storeRow(_ x: Vector, _ row: UnsafeMutablePointer<Float>, column: Int) {
    Float.store(x, row + column)
  }

  @inline(__always) static func storePair(
    _ x: Vector, _ y: Vector, _ matrix: UnsafeMutablePointer<Float>, pair: Int, stride: Int, column: Int
  ) {
    Float.store(x, matrix + (2 &* pair &* stride &+ column))
    Float.store(y, matrix + ((2 &* pair &+ 1) &* stride &+ column))
  }
}

enum BFloat16Words: AttentionWords {
  static var elementsPerWord: Int { @inline(__always) get { 2 } }

  @inline(__always) static func add(_ sum: Vector, _ factor: Float, _ other: Vector) -> Vector {
    troupe_dot_bfloat16(sum, Vector(repeating: factor), other)
  }

  @inline(__always) static func storeRow(_ x: Vector, _ row: UnsafeMutablePointer<Float>, column: Int) {
    BFloat16.store(x, UnsafeMutableRawPointer(row).assumingMemoryBound(to: BFloat16.self) + column)
  }

  @inline(__always) static func storePair(
    _ x: Vector, _ y: Vector, _ matrix: UnsafeMutablePointer<Float>, pair: Int, stride: Int, column: Int
  ) {
    Float.store(troupe_pair_bfloat16(x, y), matrix + (pair &* stride &+ column))
  }
}

/// A matrix of words as the left side of a product: word k of row i lies at start + i·rowStride + k·innerStride.
struct LeftWords {
  var start: UnsafePointer<Float>
  var rowStride: Int
  var innerStride: Int
}

extension AttentionWords {
  /// C = A·B, or C += A·B; C is float32.
  ///
  /// Eight rows by thirty-two columns, or sixteen or eight by sixteen, at a time, whose sums stay in registers; every element is summed in the
  /// order of `inner`, so nothing depends on how many rows and columns a call has.
  ///
  /// - Parameters:
  ///   - rows: of A and C, a multiple of 8.
  ///   - columns: of B and C, a multiple of 16.
  ///   - inner: words that are summed over.
  ///   - b: [inner][stride] words, `stride` being `bStride`.
  @inline(never) static func multiply(
    rows: Int, columns: Int, inner: Int, _ a: LeftWords, _ b: UnsafePointer<Float>, bStride: Int,
    into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    var column = 0
    while column < columns {
      let isPair = column &+ 32 <= columns
      var row = 0
      while row < rows {
        let height = !isPair && row &+ 16 <= rows ? 16 : 8
        let left = LeftWords(
          start: a.start + row &* a.rowStride, rowStride: a.rowStride, innerStride: a.innerStride)
        let to = c + (row &* cStride &+ column)
        if isPair {
          eightByThirtyTwo(inner, left, b + column, bStride, to, cStride, accumulate)
        } else if height == 16 {
          sixteenBySixteen(inner, left, b + column, bStride, to, cStride, accumulate)
        } else {
          eightBySixteen(inner, left, b + column, bStride, to, cStride, accumulate)
        }
        row &+= height
      }
      column &+= isPair ? 32 : 16
    }
  }

  @inline(__always) private static func eightBySixteen(
    _ inner: Int, _ a: LeftWords, _ b: UnsafePointer<Float>, _ bStride: Int, _ c: UnsafeMutablePointer<Float>,
    _ cStride: Int, _ accumulate: Bool
  ) {
    var sums = EightVectors()
    if accumulate { sums.load(c, cStride) }
    var (left, right) = (a.start, b)
    for _ in 0..<inner {
      sums.add(Self.self, left, a.rowStride, Float.load(right))
      left += a.innerStride
      right += bStride
    }
    sums.store(c, cStride)
  }

  @inline(__always) private static func sixteenBySixteen(
    _ inner: Int, _ a: LeftWords, _ b: UnsafePointer<Float>, _ bStride: Int, _ c: UnsafeMutablePointer<Float>,
    _ cStride: Int, _ accumulate: Bool
  ) {
    var (upper, lower) = (EightVectors(), EightVectors())
    if accumulate {
      upper.load(c, cStride)
      lower.load(c + 8 &* cStride, cStride)
    }
    var (left, right) = (a.start, b)
    for _ in 0..<inner {
      let vector = Float.load(right)
      upper.add(Self.self, left, a.rowStride, vector)
      lower.add(Self.self, left + 8 &* a.rowStride, a.rowStride, vector)
      left += a.innerStride
      right += bStride
    }
    upper.store(c, cStride)
    lower.store(c + 8 &* cStride, cStride)
  }

  @inline(__always) private static func eightByThirtyTwo(
    _ inner: Int, _ a: LeftWords, _ b: UnsafePointer<Float>, _ bStride: Int, _ c: UnsafeMutablePointer<Float>,
    _ cStride: Int, _ accumulate: Bool
  ) {
    var (first, second) = (EightVectors(), EightVectors())
    if accumulate {
      first.load(c, cStride)
      second.load(c + 16, cStride)
    }
    var (left, right) = (a.start, b)
    for _ in 0..<inner {
      first.add(Self.self, left, a.rowStride, Float.load(right))
      second.add(Self.self, left, a.rowStride, Float.load(right + 16))
      left += a.innerStride
      right += bStride
    }
    first.store(c, cStride)
    second.store(c + 16, cStride)
  }
}

/// Sixteen columns of eight rows of a product while it is summed.
private struct EightVectors {
  var r0 = Vector.zero, r1 = Vector.zero, r2 = Vector.zero, r3 = Vector.zero
  var r4 = Vector.zero, r5 = Vector.zero, r6 = Vector.zero, r7 = Vector.zero

  @inline(__always) mutating func add<W: AttentionWords>(
    _ words: W.Type, _ left: UnsafePointer<Float>, _ stride: Int, _ right: Vector
  ) {
    r0 = W.add(r0, left[0], right)
    r1 = W.add(r1, left[stride], right)
    r2 = W.add(r2, left[2 &* stride], right)
    r3 = W.add(r3, left[3 &* stride], right)
    r4 = W.add(r4, left[4 &* stride], right)
    r5 = W.add(r5, left[5 &* stride], right)
    r6 = W.add(r6, left[6 &* stride], right)
    r7 = W.add(r7, left[7 &* stride], right)
  }

  @inline(__always) mutating func load(_ from: UnsafePointer<Float>, _ stride: Int) {
    r0 = Float.load(from)
    r1 = Float.load(from + stride)
    r2 = Float.load(from + 2 &* stride)
    r3 = Float.load(from + 3 &* stride)
    r4 = Float.load(from + 4 &* stride)
    r5 = Float.load(from + 5 &* stride)
    r6 = Float.load(from + 6 &* stride)
    r7 = Float.load(from + 7 &* stride)
  }

  @inline(__always) func store(_ to: UnsafeMutablePointer<Float>, _ stride: Int) {
    Float.store(r0, to)
    Float.store(r1, to + stride)
    Float.store(r2, to + 2 &* stride)
    Float.store(r3, to + 3 &* stride)
    Float.store(r4, to + 4 &* stride)
    Float.store(r5, to + 5 &* stride)
    Float.store(r6, to + 6 &* stride)
    Float.store(r7, to + 7 &* stride)
  }
}
