import CPlatform
import Tensors

/// Elements that products read as words of 32 bits and sum in float32: a float32, or two bfloat16.
///
/// Words are addressed as `Float` in both cases. A matrix that is summed over its columns is packed in *rows*: a word
/// holds adjacent columns. One that is summed over its rows is packed in *pairs*: a word holds the elements of two rows
/// in one column. For float32 both are the plain matrix.
protocol PackedElement: VectorElement {
  static var zero: Self { get }
  /// Elements of a word.
  static var perWord: Int { get }
  /// sum + left·right, over the elements of each lane's word.
  static func adding(_ sum: Vector, _ left: Vector, _ right: Vector) -> Vector
  /// A word of the last element alone, where the elements do not fill whole words.
  static func lastWord(_ source: UnsafePointer<Self>) -> Float
  /// One word per lane, of vectors of its elements.
  static func word(_ element: (Int) -> Vector) -> Vector
  /// The words of `count` (1 to 16·perWord) float32 that lie side by side; the others are zero.
  static func words(_ source: UnsafePointer<Float>, _ count: Int) -> Vector
  /// Sixteen elements from element `column` of a row.
  static func storeRow(_ x: Vector, _ row: UnsafeMutablePointer<Float>, column: Int)
  /// Sixteen elements each of the rows 2·`pair` and 2·`pair` + 1, in pairs, to a matrix of `stride` columns.
  static func storePair(
    _ x: Vector, _ y: Vector, _ matrix: UnsafeMutablePointer<Float>, pair: Int, stride: Int, column: Int)
}

extension Float: PackedElement {
  @inline(__always) static var perWord: Int { 1 }

  @inline(__always) static func adding(_ sum: Vector, _ left: Vector, _ right: Vector) -> Vector {
    sum.addingProduct(left, right)
  }

  @inline(__always) static func lastWord(_ source: UnsafePointer<Float>) -> Float { source.pointee }

  @inline(__always) static func word(_ element: (Int) -> Vector) -> Vector { element(0) }

  @inline(__always) static func words(_ source: UnsafePointer<Float>, _ count: Int) -> Vector {
    load(source, lanes: count)
  }

  @inline(__always) static func storeRow(_ x: Vector, _ row: UnsafeMutablePointer<Float>, column: Int) {
    store(x, row + column)
  }

  @inline(__always) static func storePair(
    _ x: Vector, _ y: Vector, _ matrix: UnsafeMutablePointer<Float>, pair: Int, stride: Int, column: Int
  ) {
    store(x, matrix + (2 &* pair &* stride &+ column))
    store(y, matrix + ((2 &* pair &+ 1) &* stride &+ column))
  }
}

extension BFloat16: PackedElement {
  @inline(__always) static var zero: BFloat16 { BFloat16(bits: 0) }
  @inline(__always) static var perWord: Int { 2 }

  @inline(__always) static func adding(_ sum: Vector, _ left: Vector, _ right: Vector) -> Vector {
    troupe_dot_bfloat16(sum, left, right)
  }

  @inline(__always) static func lastWord(_ source: UnsafePointer<BFloat16>) -> Float {
    Float(bitPattern: UInt32(source.pointee.bits))
  }

  @inline(__always) static func word(_ element: (Int) -> Vector) -> Vector {
    let low = unsafeBitCast(troupe_widen_bfloat16(troupe_narrow_bfloat16(element(0))), to: SIMD16<UInt32>.self)
    let high = unsafeBitCast(troupe_widen_bfloat16(troupe_narrow_bfloat16(element(1))), to: SIMD16<UInt32>.self)
    return unsafeBitCast(high | (low &>> 16), to: Vector.self)
  }

  @inline(__always) static func words(_ source: UnsafePointer<Float>, _ count: Int) -> Vector {
    let low = troupe_narrow_bfloat16(Float.load(source, lanes: min(16, count)))
    let high = count > 16 ? troupe_narrow_bfloat16(Float.load(source + 16, lanes: count &- 16)) : .zero
    return unsafeBitCast(SIMD32(lowHalf: low, highHalf: high), to: Vector.self)
  }

  @inline(__always) static func storeRow(_ x: Vector, _ row: UnsafeMutablePointer<Float>, column: Int) {
    store(x, UnsafeMutableRawPointer(row).assumingMemoryBound(to: BFloat16.self) + column)
  }

  @inline(__always) static func storePair(
    _ x: Vector, _ y: Vector, _ matrix: UnsafeMutablePointer<Float>, pair: Int, stride: Int, column: Int
  ) {
    Float.store(troupe_pair_bfloat16(x, y), matrix + (pair &* stride &+ column))
  }
}
