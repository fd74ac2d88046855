import Tensors

// Sums along rows and down columns. Their order is fixed by the extents alone, and no running sum in float32 takes more
// than a few thousand terms.

private let laneNumbers: Vector = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]

extension SIMD16<Float> {
  /// `other` from lane `count` on.
  @inline(__always) func keepingFirst(_ count: Int, otherwise other: Float = 0) -> Vector {
    replacing(with: other, where: laneNumbers .>= Vector(repeating: Float(count)))
  }
}

/// Calls `body` with the first element and the number of lanes (16, at last perhaps fewer) of each vector.
@inline(__always)
func forEachVector(_ count: Int, _ body: (Int, Int) -> Void) {
  forEachVector(count) { i in
    body(i, 16)
  } tail: { i, rest in
    body(i, rest)
  }
}

/// Σ of `term(i, lanes)` over all vectors of `count` elements; lanes beyond the end count nothing.
@inline(__always)
func sumOfVectors(_ count: Int, _ term: (Int, Int) -> Vector) -> Float {
  var (a, b, c, d) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  var i = 0
  while i &+ 64 <= count {
    a += term(i, 16)
    b += term(i &+ 16, 16)
    c += term(i &+ 32, 16)
    d += term(i &+ 48, 16)
    i &+= 64
  }
  while i < count {
    let lanes = min(16, count &- i)
    a += term(i, lanes).keepingFirst(lanes)
    i &+= 16
  }
  return ((a + b) + (c + d)).total
}

/// Two sums at once.
@inline(__always)
func sumsOfVectors(_ count: Int, _ terms: (Int, Int) -> (Vector, Vector)) -> (Float, Float) {
  var (a, b, c, d) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
  var i = 0
  while i &+ 32 <= count {
    let (first, second) = terms(i, 16)
    let (third, fourth) = terms(i &+ 16, 16)
    a += first
    b += second
    c += third
    d += fourth
    i &+= 32
  }
  while i < count {
    let lanes = min(16, count &- i)
    let (first, second) = terms(i, lanes)
    a += first.keepingFirst(lanes)
    b += second.keepingFirst(lanes)
    i &+= 16
  }
  return ((a + c).total, (b + d).total)
}

/// The widest stretch of columns that is summed at a time, so that its running sums fit the stack and the L1 cache.
let columnChunk = 512

/// Rows that are summed in float32 before they are added in float64.
private let rowBlock = 64

/// One number for each column of a chunk, on the stack, zero at first.
@inline(__always)
func withColumns<Number: BinaryFloatingPoint, Result>(
  of type: Number.Type, _ body: (UnsafeMutablePointer<Number>) -> Result
) -> Result {
  var storage = InlineArray<512, Number>(repeating: 0)
  return withUnsafeMutablePointer(to: &storage) { start in
    body(UnsafeMutableRawPointer(start).assumingMemoryBound(to: Number.self))
  }
}

/// Calls `body` for each stretch of at most `columnChunk` columns.
@inline(__always)
func forEachChunk(_ columns: Int, _ body: (Range<Int>) -> Void) {
  var start = 0
  while start < columns {
    let end = min(start + columnChunk, columns)
    body(start..<end)
    start = end
  }
}

/// Rows that are summed in registers before they are added to the running sums.
private let rowGroup = 8

/// totals[c − columns.lowerBound] += Σ over `rows` of `term(row, column, lanes)`.
@inline(__always)
func addRows(
  _ rows: Range<Int>, columns: Range<Int>, to totals: UnsafeMutablePointer<Double>,
  _ term: (Int, Int, Int) -> Vector
) {
  let width = columns.count
  let first = columns.lowerBound
  withColumns(of: Float.self) { sums in
    forEachRowBlock(rows) { block in
      forEachRowGroup(block) { row, count in
        forEachVector(width) { i, lanes in
          var sum = Float.load(sums + i)
          var next = row
          while next < row &+ count {
            sum += term(next, first &+ i, lanes)
            next &+= 1
          }
          Float.store(sum, sums + i)
        }
      }
      for i in 0..<width {
        totals[i] += Double(sums[i])
        sums[i] = 0
      }
    }
  }
}

/// Two sums at once: `add(row, column, lanes, &a, &b)` adds its terms to both.
@inline(__always)
func addRows(
  _ rows: Range<Int>, columns: Range<Int>, to totals: UnsafeMutablePointer<Double>,
  and others: UnsafeMutablePointer<Double>, _ add: (Int, Int, Int, inout Vector, inout Vector) -> Void
) {
  let width = columns.count
  let first = columns.lowerBound
  withColumns(of: Float.self) { sums in
    withColumns(of: Float.self) { otherSums in
      forEachRowBlock(rows) { block in
        forEachRowGroup(block) { row, count in
          forEachVector(width) { i, lanes in
            var sum = Vector.zero
            var other = Vector.zero
            var next = row
            while next < row &+ count {
              add(next, first &+ i, lanes, &sum, &other)
              next &+= 1
            }
            Float.store(Float.load(sums + i) + sum, sums + i)
            Float.store(Float.load(otherSums + i) + other, otherSums + i)
          }
        }
        for i in 0..<width {
          totals[i] += Double(sums[i])
          others[i] += Double(otherSums[i])
          sums[i] = 0
          otherSums[i] = 0
        }
      }
    }
  }
}

@inline(__always)
private func forEachRowBlock(_ rows: Range<Int>, _ body: (Range<Int>) -> Void) {
  var row = rows.lowerBound
  while row < rows.upperBound {
    let end = min(row &+ rowBlock, rows.upperBound)
    body(row..<end)
    row = end
  }
}

/// Calls `body` with the first row of each group and how many there are: `rowGroup`, at last single ones.
@inline(__always)
private func forEachRowGroup(_ rows: Range<Int>, _ body: (Int, Int) -> Void) {
  var row = rows.lowerBound
  while row &+ rowGroup <= rows.upperBound {
    body(row, rowGroup)
    row &+= rowGroup
  }
  while row < rows.upperBound {
    body(row, 1)
    row &+= 1
  }
}

/// sums = totals, or sums += totals.
@inline(__always)
func write(
  _ totals: UnsafeMutablePointer<Double>, _ count: Int, to sums: UnsafeMutablePointer<Float>, accumulate: Bool
) {
  if accumulate {
    for i in 0..<count { sums[i] += Float(totals[i]) }
  } else {
    for i in 0..<count { sums[i] = Float(totals[i]) }
  }
}

/// sums[m, c] = Σ over the rows r of each matrix of `term(element, lanes)`, or += it; float64 between blocks of rows.
///
/// - Parameter sums: (matrices, columns).
@inline(__always)
func writeColumnSums<E: VectorElement>(
  matrices: Int, rows: Int, columns: Int, to sums: UnsafeMutablePointer<E>, accumulate: Bool,
  _ term: (Int, Int) -> Vector
) {
  for matrix in 0..<matrices {
    forEachChunk(columns) { chunk in
      withColumns(of: Double.self) { totals in
        addRows(matrix * rows..<(matrix + 1) * rows, columns: chunk, to: totals) { row, column, lanes in
          term(row &* columns &+ column, lanes)
        }
        withColumns(of: Float.self) { rounded in
          write(totals, chunk.count, to: rounded, accumulate: false)
          let to = sums + (matrix * columns + chunk.lowerBound)
          forEachVector(chunk.count) { i, lanes in
            var value = Float.load(rounded + i)
            if accumulate { value += E.load(to + i, lanes: lanes) }
            E.store(value, to + i, lanes: lanes)
          }
        }
      }
    }
  }
}
