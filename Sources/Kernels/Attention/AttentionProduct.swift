import Tensors

/// A matrix of words as the left side of a product: word k of row i lies at start + i·rowStride + k·innerStride.
struct LeftWords {
  var start: UnsafePointer<Float>
  var rowStride: Int
  var innerStride: Int
}

/// Products of matrices of words.
enum AttentionProduct<E: PackedElement> {
  /// C = A·B, or C += A·B; C is float32.
  ///
  /// Eight rows by thirty-two columns, or sixteen or eight by sixteen, at a time, whose sums stay in registers; every
  /// element is summed in the order of `inner`, so nothing depends on the number of rows and columns of a call.
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
    var sums = EightVectors<E>()
    if accumulate { sums.load(c, cStride) }
    var (left, right) = (a.start, b)
    for _ in 0..<inner {
      sums.add(left, a.rowStride, Float.load(right))
      left += a.innerStride
      right += bStride
    }
    sums.store(c, cStride)
  }

  @inline(__always) private static func sixteenBySixteen(
    _ inner: Int, _ a: LeftWords, _ b: UnsafePointer<Float>, _ bStride: Int, _ c: UnsafeMutablePointer<Float>,
    _ cStride: Int, _ accumulate: Bool
  ) {
    var (upper, lower) = (EightVectors<E>(), EightVectors<E>())
    if accumulate {
      upper.load(c, cStride)
      lower.load(c + 8 &* cStride, cStride)
    }
    var (left, right) = (a.start, b)
    for _ in 0..<inner {
      let vector = Float.load(right)
      upper.add(left, a.rowStride, vector)
      lower.add(left + 8 &* a.rowStride, a.rowStride, vector)
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
    var (first, second) = (EightVectors<E>(), EightVectors<E>())
    if accumulate {
      first.load(c, cStride)
      second.load(c + 16, cStride)
    }
    var (left, right) = (a.start, b)
    for _ in 0..<inner {
      first.add(left, a.rowStride, Float.load(right))
      second.add(left, a.rowStride, Float.load(right + 16))
      left += a.innerStride
      right += bStride
    }
    first.store(c, cStride)
    second.store(c + 16, cStride)
  }
}

/// Sixteen columns of eight rows of a product while it is summed.
private struct EightVectors<E: PackedElement> {
  var r0 = Vector.zero, r1 = Vector.zero, r2 = Vector.zero, r3 = Vector.zero
  var r4 = Vector.zero, r5 = Vector.zero, r6 = Vector.zero, r7 = Vector.zero

  @inline(__always) mutating func add(_ left: UnsafePointer<Float>, _ stride: Int, _ right: Vector) {
    r0 = E.adding(r0, Vector(repeating: left[0]), right)
    r1 = E.adding(r1, Vector(repeating: left[stride]), right)
    r2 = E.adding(r2, Vector(repeating: left[2 &* stride]), right)
    r3 = E.adding(r3, Vector(repeating: left[3 &* stride]), right)
    r4 = E.adding(r4, Vector(repeating: left[4 &* stride]), right)
    r5 = E.adding(r5, Vector(repeating: left[5 &* stride]), right)
    r6 = E.adding(r6, Vector(repeating: left[6 &* stride]), right)
    r7 = E.adding(r7, Vector(repeating: left[7 &* stride]), right)
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
