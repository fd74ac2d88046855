import Tensors

/// The product of a few rows with packed weights, which a recurrent layer runs once per step.
///
/// One to three vectors of the result lie side by side in a tile, and eight rows of it stay in registers while the
/// inner dimension is run through: an element of the left matrix meets whole vectors of the right one. The result is a
/// panel small enough for the L1 cache, [vectors][`RecurrentProduct.rowCount`][16], which the cell reads at once.
enum RecurrentProduct {
  /// Rows of a panel.
  static let rowCount = 32

  /// - Parameters:
  ///   - left: `rows` (at most `rowCount`) rows of `inner` elements, `stride` elements apart.
  ///   - right: [inner words][tile width] vectors of words, tile by tile.
  @inline(__always) static func multiply<E: PackedElement>(
    _ left: UnsafePointer<E>, stride: Int, rows: Int, inner: Int, _ right: UnsafePointer<E>, tiling: RecurrentTiling,
    into panel: UnsafeMutablePointer<Float>
  ) {
    let words = (inner &+ E.perWord &- 1) / E.perWord
    let weights = UnsafeRawPointer(right).assumingMemoryBound(to: Float.self)
    for tile in 0..<tiling.tiles {
      let from = weights + tile &* words &* tiling.width &* 16
      let to = panel + tile &* tiling.width &* rowCount &* 16
      switch tiling.width {
      case 1: multiplyTile(left, stride, rows, inner, from, to, as: RowOfOne.self)
      case 2: multiplyTile(left, stride, rows, inner, from, to, as: RowOfTwo.self)
      default: multiplyTile(left, stride, rows, inner, from, to, as: RowOfThree.self)
      }
    }
  }

  @inline(never) private static func multiplyTile<E: PackedElement, Row: VectorRow>(
    _ left: UnsafePointer<E>, _ stride: Int, _ rows: Int, _ inner: Int, _ right: UnsafePointer<Float>,
    _ panel: UnsafeMutablePointer<Float>, as type: Row.Type
  ) {
    var row = 0
    while row &+ 8 <= rows {
      multiply(left + row &* stride, stride, inner, right, panel + row &* 16, EightRows<Row>())
      row &+= 8
    }
    while row &+ 4 <= rows {
      multiply(left + row &* stride, stride, inner, right, panel + row &* 16, FourRows<Row>())
      row &+= 4
    }
    while row < rows {
      multiply(left + row &* stride, stride, inner, right, panel + row &* 16, SingleRow<Row>())
      row &+= 1
    }
  }

  @inline(__always) private static func multiply<E: PackedElement, Rows: SumOfRows>(
    _ left: UnsafePointer<E>, _ stride: Int, _ inner: Int, _ right: UnsafePointer<Float>,
    _ panel: UnsafeMutablePointer<Float>, _ zero: Rows
  ) {
    var sums = zero
    let words = inner / E.perWord
    for word in 0..<words {
      let from = left + word &* E.perWord
      sums.add(E.self, Rows.Row.load(right + word &* Rows.Row.width &* 16)) { row in
        UnsafeRawPointer(from + row &* stride).loadUnaligned(as: Float.self)
      }
    }
    if words &* E.perWord < inner {
      let from = left + words &* E.perWord
      sums.add(E.self, Rows.Row.load(right + words &* Rows.Row.width &* 16)) { row in
        E.lastWord(from + row &* stride)
      }
    }
    sums.store(panel)
  }
}

/// How the columns of a product with packed weights are cut: into blocks, one per call of a cell, and these into tiles.
package struct RecurrentTiling: Sendable, Hashable {
  /// Columns of 16 units of one gate in a block: `parts` sixteens of units, each with all its gates.
  let gates: Int
  let parts: Int
  /// Vectors of a tile, and tiles of a block.
  let width: Int
  let tiles: Int

  /// - Parameter gates: gates of a unit, which are summed together.
  package init(gates: Int) {
    self.gates = gates
    switch gates {
    case 1: (parts, width, tiles) = (2, 2, 1)
    case 3: (parts, width, tiles) = (1, 3, 1)
    default:
      precondition(gates == 4)
      (parts, width, tiles) = (1, 2, 2)
    }
  }

  var vectors: Int { width * tiles }

  /// Blocks of `units` units.
  func blocks(_ units: Int) -> Int { (units + 16 * parts - 1) / (16 * parts) }
}

/// Vectors that lie side by side: a row of the right matrix, or of a result while it is summed.
private protocol VectorRow {
  static var width: Int { get }
  static var zero: Self { get }
  static func load(_ source: UnsafePointer<Float>) -> Self
  func adding<E: PackedElement>(_ type: E.Type, _ left: Vector, _ right: Self) -> Self
  /// Stores the vectors a panel's rows apart.
  func store(_ panel: UnsafeMutablePointer<Float>)
}

private let panelStride = RecurrentProduct.rowCount * 16

private struct RowOfOne: VectorRow {
  var a: Vector
  static var width: Int { 1 }
  @inline(__always) static var zero: RowOfOne { RowOfOne(a: .zero) }
  @inline(__always) static func load(_ source: UnsafePointer<Float>) -> RowOfOne { RowOfOne(a: Float.load(source)) }
  @inline(__always) func adding<E: PackedElement>(_: E.Type, _ left: Vector, _ right: RowOfOne) -> RowOfOne {
    RowOfOne(a: E.adding(a, left, right.a))
  }
  @inline(__always) func store(_ panel: UnsafeMutablePointer<Float>) { Float.store(a, panel) }
}

private struct RowOfTwo: VectorRow {
  var a, b: Vector
  static var width: Int { 2 }
  @inline(__always) static var zero: RowOfTwo { RowOfTwo(a: .zero, b: .zero) }
  @inline(__always) static func load(_ source: UnsafePointer<Float>) -> RowOfTwo {
    RowOfTwo(a: Float.load(source), b: Float.load(source + 16))
  }
  @inline(__always) func adding<E: PackedElement>(_: E.Type, _ left: Vector, _ right: RowOfTwo) -> RowOfTwo {
    RowOfTwo(a: E.adding(a, left, right.a), b: E.adding(b, left, right.b))
  }
  @inline(__always) func store(_ panel: UnsafeMutablePointer<Float>) {
    Float.store(a, panel)
    Float.store(b, panel + panelStride)
  }
}

private struct RowOfThree: VectorRow {
  var a, b, c: Vector
  static var width: Int { 3 }
  @inline(__always) static var zero: RowOfThree { RowOfThree(a: .zero, b: .zero, c: .zero) }
  @inline(__always) static func load(_ source: UnsafePointer<Float>) -> RowOfThree {
    RowOfThree(a: Float.load(source), b: Float.load(source + 16), c: Float.load(source + 32))
  }
  @inline(__always) func adding<E: PackedElement>(_: E.Type, _ left: Vector, _ right: RowOfThree) -> RowOfThree {
    RowOfThree(a: E.adding(a, left, right.a), b: E.adding(b, left, right.b), c: E.adding(c, left, right.c))
  }
  @inline(__always) func store(_ panel: UnsafeMutablePointer<Float>) {
    Float.store(a, panel)
    Float.store(b, panel + panelStride)
    Float.store(c, panel + 2 &* panelStride)
  }
}

/// Rows of a result while they are summed.
private protocol SumOfRows {
  associatedtype Row: VectorRow
  mutating func add<E: PackedElement>(_ type: E.Type, _ right: Row, _ left: (Int) -> Float)
  func store(_ panel: UnsafeMutablePointer<Float>)
}

private struct SingleRow<Row: VectorRow>: SumOfRows {
  var r0 = Row.zero

  @inline(__always) mutating func add<E: PackedElement>(_ type: E.Type, _ right: Row, _ left: (Int) -> Float) {
    r0 = r0.adding(type, Vector(repeating: left(0)), right)
  }

  @inline(__always) func store(_ panel: UnsafeMutablePointer<Float>) { r0.store(panel) }
}

private struct FourRows<Row: VectorRow>: SumOfRows {
  var r0 = Row.zero, r1 = Row.zero, r2 = Row.zero, r3 = Row.zero

  @inline(__always) mutating func add<E: PackedElement>(_ type: E.Type, _ right: Row, _ left: (Int) -> Float) {
    r0 = r0.adding(type, Vector(repeating: left(0)), right)
    r1 = r1.adding(type, Vector(repeating: left(1)), right)
    r2 = r2.adding(type, Vector(repeating: left(2)), right)
    r3 = r3.adding(type, Vector(repeating: left(3)), right)
  }

  @inline(__always) func store(_ panel: UnsafeMutablePointer<Float>) {
    r0.store(panel)
    r1.store(panel + 16)
    r2.store(panel + 32)
    r3.store(panel + 48)
  }
}

private struct EightRows<Row: VectorRow>: SumOfRows {
  var first = FourRows<Row>(), second = FourRows<Row>()

  @inline(__always) mutating func add<E: PackedElement>(_ type: E.Type, _ right: Row, _ left: (Int) -> Float) {
    first.add(type, right, left)
    second.add(type, right) { left($0 &+ 4) }
  }

  @inline(__always) func store(_ panel: UnsafeMutablePointer<Float>) {
    first.store(panel)
    second.store(panel + 64)
  }
}
