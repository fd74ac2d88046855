import Tensors

/// Recurrent weights W (G·H, H) in the order in which `RecurrentProduct` reads them, rounded to the products' type.
///
/// [blocks][tiles of a block][words of the inner dimension][tile width][16] words of 32 bits; columns and elements
/// beyond the end are zero.
package struct RecurrentWeights: Sendable {
  let tiling: RecurrentTiling
  let units: Int
  /// Rows of W: G·H.
  let rows: Int
  /// Whether the product is dgates·W and not h·Wᵀ.
  let isBackward: Bool

  package init(gates: Int, units: Int, isBackward: Bool) {
    tiling = RecurrentTiling(gates: isBackward ? 1 : gates)
    self.units = units
    rows = gates * units
    self.isBackward = isBackward
  }

  var inner: Int { isBackward ? rows : units }
  var blocks: Int { tiling.blocks(units) }

  private func words(_ type: ElementType) -> Int { type == .bfloat16 ? (inner + 1) / 2 : inner }

  package func byteCount(_ type: ElementType) -> Int { blocks * words(type) * tiling.vectors * 64 }

  /// Words of the weights of one block.
  @inline(__always) func blockWords<E: PackedElement>(_ type: E.Type) -> Int {
    (inner &+ E.perWord &- 1) / E.perWord &* tiling.vectors &* 16
  }

  /// - Parameters:
  ///   - weights: W, float32.
  ///   - packed: `byteCount(type)` bytes.
  package func pack(_ weights: TensorSlice, as type: ElementType, into packed: TensorSlice) {
    precondition(weights.count == rows * units && weights.type == .float32 && packed.byteCount >= byteCount(type))
    if type == .bfloat16 {
      pack(weights.pointer(as: Float.self), packed.pointer(as: BFloat16.self))
    } else {
      pack(weights.pointer(as: Float.self), packed.pointer(as: Float.self))
    }
  }

  @inline(__always) private func pack<E: PackedElement>(
    _ weights: UnsafePointer<Float>, _ packed: UnsafeMutablePointer<E>
  ) {
    let words = (inner + E.perWord - 1) / E.perWord
    let packed = UnsafeMutableRawPointer(packed).assumingMemoryBound(to: Float.self)
    for vector in 0..<blocks * tiling.vectors {
      let (block, place) = (vector / tiling.vectors, vector % tiling.vectors)
      let (tile, column) = (place / tiling.width, place % tiling.width)
      let (part, gate) = (place / tiling.gates, place % tiling.gates)
      let unit = (block * tiling.parts + part) * 16
      let lanes = max(0, min(16, units - unit))
      let to = packed + ((block * tiling.tiles + tile) * words * tiling.width + column) * 16
      if lanes == 0 {
        for word in 0..<words { Float.store(.zero, to + word * tiling.width * 16) }
      } else if isBackward {
        packAcross(weights + unit, lanes, words, to, as: E.self)
      } else {
        packAlong(weights + (gate * units + unit) * units, lanes, words, to, as: E.self)
      }
    }
  }

  /// Adjacent columns of W; the inner dimension runs down its rows.
  @inline(__always) private func packAcross<E: PackedElement>(
    _ from: UnsafePointer<Float>, _ lanes: Int, _ words: Int, _ to: UnsafeMutablePointer<Float>, as type: E.Type
  ) {
    for word in 0..<words {
      let value = E.word { element in
        let k = word * E.perWord + element
        return k < inner ? Float.load(from + k * units, lanes: lanes) : .zero
      }
      Float.store(value, to + word * tiling.width * 16)
    }
  }

  /// Columns that are rows of W; the inner dimension runs along them.
  @inline(__always) private func packAlong<E: PackedElement>(
    _ from: UnsafePointer<Float>, _ lanes: Int, _ words: Int, _ to: UnsafeMutablePointer<Float>, as type: E.Type
  ) {
    for word in stride(from: 0, to: words, by: 16) {
      let first = word * E.perWord
      let count = min(16 * E.perWord, inner - first)
      var square = SquareOfVectors { $0 < lanes ? E.words(from + ($0 * units + first), count) : .zero }
      transpose(&square)
      for i in 0..<min(16, words - word) { Float.store(square[i], to + (word + i) * tiling.width * 16) }
    }
  }
}
