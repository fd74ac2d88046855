import Tensors

/// y, or dx, of a 3×3 convolution of stride 1 by F(4×4, 3×3), with a quarter of the multiplications of the definition:
///
///     y = Aᵀ·[Σ over c of U[c] ⊙ V[c]]·A    with U = G·w·Gᵀ, V = Bᵀ·d·B
///
/// for every tile of 4×4 outputs, that is 36 matrix products (tiles × inputs)·(inputs × outputs). dx is the same with
/// turned windows, dy for x, and filters and channels exchanged; "inputs" and "outputs" are the channels that are read
/// and written. Tiles are taken in blocks, outputs in panels of 32, so that the values between transforms and products
/// stay in the caches. Activations may be bfloat16; everything in between is float32.
struct WinogradConvolution: Sendable {
  /// Outputs of a panel, in sixteens.
  private static let panelBlocks = 2
  /// Tiles of a block, where U is kept from one block to the next.
  private static let preferredTiles = 32

  private let shape: ConvolutionShape
  private let tiling: WinogradTiling
  private let inputs: Int
  private let outputs: Int
  private let inputMemory: WinogradTileMemory
  private let outputMemory: WinogradTileMemory
  /// Panels whose U has a place of its own; one if all tiles are in one block.
  private let keptPanels: Int

  /// - Parameter shape: one that `allowsWinograd`, not a weight gradient.
  init(_ shape: ConvolutionShape) {
    self.shape = shape
    tiling = WinogradTiling(shape)
    (inputs, outputs) =
      shape.direction == .inputGradient ? (shape.filters, shape.channels) : (shape.channels, shape.filters)
    let rowCount = WinogradProducts.rowCount
    let all = (tiling.count + rowCount - 1) / rowCount * rowCount
    // Where U is larger than V, V is kept and U is made panel by panel.
    let capacity = all <= max(outputs, Self.preferredTiles) ? all : Self.preferredTiles
    inputMemory = WinogradTileMemory(blocks: inputs / 16, capacity: capacity)
    outputMemory = WinogradTileMemory(blocks: Self.panelBlocks, capacity: capacity)
    keptPanels = capacity == all ? 1 : (outputs / 16 + Self.panelBlocks - 1) / Self.panelBlocks
  }

  /// Elements from one of the 36 parts of a panel's U to the next; a cache line more than needed, as in
  /// `WinogradTileMemory`.
  private var weightStride: Int { Self.panelBlocks * inputs * 16 + 16 }
  private var panelCount: Int { WinogradTiling.products * weightStride }

  var packedByteCount: Int { shape.weightCount * MemoryLayout<Float>.stride }
  var scratchByteCount: Int {
    (inputMemory.count + outputMemory.count + keptPanels * panelCount) * MemoryLayout<Float>.stride
  }

  /// - Parameters:
  ///   - weights: (O, C, 3, 3) float32.
  ///   - packed: `packedByteCount` bytes.
  func pack(_ weights: TensorSlice, into packed: TensorSlice) {
    let (from, to) = (UnsafePointer(weights.pointer(as: Float.self)), packed.pointer(as: Float.self))
    if shape.direction == .inputGradient {
      WinogradWeights.packTurned(from, channels: shape.channels, filters: shape.filters, into: to)
    } else {
      WinogradWeights.pack(from, channels: shape.channels, filters: shape.filters, into: to)
    }
  }

  /// - Parameters:
  ///   - x: (B, H, W, inputs), or dy (B, H′, W′, inputs).
  ///   - packed: the result of `pack`.
  ///   - bias: [outputs] float32.
  ///   - shortcut: laid out as `y`, if something is added.
  ///   - y: (B, H′, W′, outputs), or dx (B, H, W, outputs).
  ///   - scratch: `scratchByteCount` bytes, aligned to 64.
  func execute(
    _ x: TensorSlice, packed: TensorSlice, bias: TensorSlice?, shortcut: TensorSlice?, into y: TensorSlice,
    scratch: UnsafeMutableRawPointer
  ) {
    let weights = UnsafePointer(packed.pointer(as: Float.self))
    let v = scratch.assumingMemoryBound(to: Float.self)
    let m = v + inputMemory.count
    let u = m + outputMemory.count
    for start in stride(from: 0, to: tiling.count, by: inputMemory.capacity) {
      let tiles = start..<min(start + inputMemory.capacity, tiling.count)
      if x.type == .bfloat16 {
        tiling.transformInput(x.pointer(as: BFloat16.self), tiles, into: v, inputMemory)
      } else {
        tiling.transformInput(x.pointer(as: Float.self), tiles, into: v, inputMemory)
      }
      for first in stride(from: 0, to: outputs / 16, by: Self.panelBlocks) {
        let blocks = first..<min(first + Self.panelBlocks, outputs / 16)
        let panel = u + (keptPanels == 1 ? 0 : first / Self.panelBlocks * panelCount)
        if start == 0 {
          WinogradWeights.transform(weights, inputs: inputs, blocks: blocks, into: panel, stride: weightStride)
        }
        multiply(v, tiles.count, panel, blocks: blocks.count, into: m)
        if y.type == .bfloat16 {
          finish(m, tiles, blocks, bias, shortcut, into: y.pointer(as: BFloat16.self))
        } else {
          finish(m, tiles, blocks, bias, shortcut, into: y.pointer(as: Float.self))
        }
      }
    }
  }

  /// The 36 products of a block of tiles and a panel of outputs. Rows after the last tile are computed and ignored.
  private func multiply(
    _ v: UnsafePointer<Float>, _ tiles: Int, _ u: UnsafePointer<Float>, blocks: Int, into m: UnsafeMutablePointer<Float>
  ) {
    for product in 0..<WinogradTiling.products {
      let (left, right) = (v + product * inputMemory.productStride, u + product * weightStride)
      let result = m + product * outputMemory.productStride
      for tile in stride(from: 0, to: tiles, by: WinogradProducts.rowCount) {
        WinogradProducts.multiply(
          left + tile * 16, leftStride: inputMemory.blockStride, right, inputBlocks: inputMemory.blocks, blocks: blocks,
          into: result + tile * 16, resultStride: outputMemory.blockStride)
      }
    }
  }

  private func finish<E: VectorElement>(
    _ m: UnsafePointer<Float>, _ tiles: Range<Int>, _ blocks: Range<Int>, _ bias: TensorSlice?,
    _ shortcut: TensorSlice?, into y: UnsafeMutablePointer<E>
  ) {
    tiling.transformOutput(
      m, outputMemory, tiles, blocks: blocks, channels: outputs,
      bias: bias.map { UnsafePointer($0.pointer(as: Float.self)) },
      shortcut: shortcut.map { UnsafePointer($0.pointer(as: E.self)) }, relu: shape.activation == .relu, into: y)
  }
}
