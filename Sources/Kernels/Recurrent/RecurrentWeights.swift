import Arenas

/// Recurrent weights W (G·H, H) in the order in which `RecurrentProduct` reads them, rounded to the products' type.
///
/// [blocks][tiles of a block][words of the inner dimension][tile width][16] words of 32 bits; columns and elements beyond the
/// end are zero.
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
  @inline(__always) func blockWords<E: RecurrentElement>(_ type: E.Type) -> Int {
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

  @inline(__always) private func pack<E: RecurrentElement>(
    _ weights: UnsafePointer<Float>, _ packed: UnsafeMutablePointer<E>
  ) {
    let words = (inner + E.perWord - 1) / E.perWord
    for vector in 0..<blocks * tiling.vectors {
      let (block, place) = (vector / tiling.vectors, vector % tiling.vectors)
      let (tile, column) = (place / tiling.width, place % tiling.width)
      let (part, gate) = (place / tiling.gates, place % tiling.gates)
      let unit = (block * tiling.parts + part) * 16
      let lanes = max(0, min(16, units - unit))
      let from = isBackward ? weights + unit : weights + (gate * units + unit) * units
      let to = packed + ((block * tiling.tiles + tile) * words * tiling.width + column) * 16 * E.perWord
      let (innerStride, laneStride) = isBackward ? (units, 1) : (1, units)
      for word in 0..<words {
        for element in 0..<E.perWord {
          let k = word * E.perWord + element
          let target = to + word * tiling.width * 16 * E.perWord + element
          for lane in 0..<16 {
            let value = lane < lanes && k < inner ? from[k * innerStride + lane * laneStride] : 0
            target[lane * E.perWord] = E.rounding(value)
          }
        }
      }
    }
  }
}
