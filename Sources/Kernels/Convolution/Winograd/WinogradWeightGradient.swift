import Tensors

/// dW of a 3×3 convolution of stride 1 by F(4×4, 3×3), the adjoint of `WinogradConvolution`'s formula:
///
///     dW = Gᵀ·[Σ over tiles of D ⊙ V]·G    with D = A·dy·Aᵀ, V = Bᵀ·d·B
///
/// that is 36 matrix products (filters × tiles)·(tiles × channels). Where tiles are few, D and V of all of them are
/// kept, and dU is made and used up by parts of 16 filters and 32 channels; where they are many, dU is kept and summed
/// over blocks of tiles.
struct WinogradWeightGradient: Sendable {
  /// Channels of a part of dU, in sixteens.
  private static let panelBlocks = 2
  /// Tiles of a block, where dU is kept whole.
  private static let preferredTiles = 32

  private let shape: ConvolutionShape
  private let tiling: WinogradTiling
  private let inputMemory: WinogradTileMemory
  private let outputMemory: WinogradTileMemory
  private let keepsWholeGradient: Bool

  /// - Parameter shape: a weight gradient that `allowsWinograd`.
  init(_ shape: ConvolutionShape) {
    self.shape = shape
    tiling = WinogradTiling(shape)
    let (channels, filters) = (shape.channels, shape.filters)
    // The larger of dU, and D with V, is not kept whole.
    keepsWholeGradient = tiling.count > max(channels * filters / (channels + filters), Self.preferredTiles)
    let capacity = keepsWholeGradient ? Self.preferredTiles : tiling.count
    inputMemory = WinogradTileMemory(blocks: channels / 16, capacity: capacity)
    outputMemory = WinogradTileMemory(blocks: filters / 16, capacity: capacity)
  }

  /// Elements of dU of 16 filters and a panel of channels.
  private var partCount: Int { WinogradTiling.products * Self.panelBlocks * 256 }
  private var panels: Int { (inputMemory.blocks + Self.panelBlocks - 1) / Self.panelBlocks }

  var scratchByteCount: Int {
    let parts = keepsWholeGradient ? panels * outputMemory.blocks : 1
    return (inputMemory.count + outputMemory.count + parts * partCount) * MemoryLayout<Float>.stride
  }

  /// dW, or dW += it where the shape accumulates.
  ///
  /// - Parameters:
  ///   - x: (B, H, W, C).
  ///   - dy: (B, H′, W′, O), of the same type.
  ///   - dW: (O, C, 3, 3) float32.
  ///   - scratch: `scratchByteCount` bytes, aligned to 64.
  func execute(_ x: TensorSlice, _ dy: TensorSlice, into dW: TensorSlice, scratch: UnsafeMutableRawPointer) {
    let v = scratch.assumingMemoryBound(to: Float.self)
    let d = v + inputMemory.count
    let u = d + outputMemory.count
    for start in stride(from: 0, to: tiling.count, by: inputMemory.capacity) {
      let tiles = start..<min(start + inputMemory.capacity, tiling.count)
      if x.type == .bfloat16 {
        tiling.transformInput(x.pointer(as: BFloat16.self), tiles, into: v, inputMemory)
        tiling.transformOutputGradient(dy.pointer(as: BFloat16.self), tiles, into: d, outputMemory)
      } else {
        tiling.transformInput(x.pointer(as: Float.self), tiles, into: v, inputMemory)
        tiling.transformOutputGradient(dy.pointer(as: Float.self), tiles, into: d, outputMemory)
      }
      for panel in 0..<panels {
        let firstBlock = panel * Self.panelBlocks
        let blocks = min(Self.panelBlocks, inputMemory.blocks - firstBlock)
        for filterBlock in 0..<outputMemory.blocks {
          let part = u + (keepsWholeGradient ? (panel * outputMemory.blocks + filterBlock) * partCount : 0)
          multiply(
            d + filterBlock * outputMemory.blockStride, tiles.count, v + firstBlock * inputMemory.blockStride,
            blocks: blocks, into: part, accumulate: start > 0)
          guard tiles.upperBound == tiling.count else { continue }
          WinogradWeights.transformGradient(
            part, blocks: blocks, channels: shape.channels,
            into: dW.pointer(as: Float.self) + (filterBlock * shape.channels + firstBlock) * 16 * 9,
            accumulate: shape.accumulates)
        }
      }
    }
  }

  /// The 36 products of a block of tiles, sixteen filters and a panel of channels.
  private func multiply(
    _ d: UnsafePointer<Float>, _ tiles: Int, _ v: UnsafePointer<Float>, blocks: Int,
    into u: UnsafeMutablePointer<Float>,
    accumulate: Bool
  ) {
    for product in 0..<WinogradTiling.products {
      let (left, right) = (d + product * outputMemory.productStride, v + product * inputMemory.productStride)
      let result = u + product * blocks * 256
      for row in stride(from: 0, to: 16, by: WinogradProducts.rowCount) {
        WinogradProducts.multiplyTransposed(
          left + row, next: left + outputMemory.blockStride, tiles: tiles, right, rightStride: inputMemory.blockStride,
          blocks: blocks, into: result + row * 16, accumulate: accumulate)
      }
    }
  }
}
