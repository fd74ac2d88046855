/// How the output of a 3×3 convolution is cut into tiles of 4×4, each computed from a patch of 6×6 of the input.
struct WinogradTiling: Sendable {
  /// Outputs of a tile along one axis.
  static let tileSize = 4
  /// Inputs of a tile along one axis.
  static let patchSize = 6
  /// Multiplications of a tile for each pair of channels.
  static let products = 36

  let batch: Int
  let inputHeight: Int
  let inputWidth: Int
  let outputHeight: Int
  let outputWidth: Int
  /// Zeros above the input and left of it.
  let paddingAbove: Int
  let paddingLeft: Int
  /// Tiles along each axis; those that reach beyond the output are computed whole.
  let rows: Int
  let columns: Int

  /// For y or dW, or for dx: that is a convolution of dy, whose window is turned by 180° and whose padding complements
  /// that of the other.
  init(_ shape: ConvolutionShape) {
    let (vertical, horizontal) = (shape.vertical, shape.horizontal)
    batch = shape.batch
    if shape.direction == .inputGradient {
      (inputHeight, inputWidth) = (vertical.outputSize, horizontal.outputSize)
      (outputHeight, outputWidth) = (vertical.size, horizontal.size)
      paddingAbove = vertical.kernel - 1 - vertical.paddingBefore
      paddingLeft = horizontal.kernel - 1 - horizontal.paddingBefore
    } else {
      (inputHeight, inputWidth) = (vertical.size, horizontal.size)
      (outputHeight, outputWidth) = (vertical.outputSize, horizontal.outputSize)
      (paddingAbove, paddingLeft) = (vertical.paddingBefore, horizontal.paddingBefore)
    }
    rows = (outputHeight + Self.tileSize - 1) / Self.tileSize
    columns = (outputWidth + Self.tileSize - 1) / Self.tileSize
  }

  var count: Int { batch * rows * columns }

  /// Calls `body` for the tiles with the numbers `range`, which run along rows, then columns, then images.
  @inline(__always) func forEach(_ range: Range<Int>, _ body: (WinogradTile) -> Void) {
    var (image, rest) = range.lowerBound.quotientAndRemainder(dividingBy: rows * columns)
    var row = rest / columns
    rest -= row * columns
    for _ in range {
      body(WinogradTile(image: image, y: row &* Self.tileSize, x: rest &* Self.tileSize))
      rest &+= 1
      if rest == columns {
        rest = 0
        row &+= 1
      }
      if row == rows {
        row = 0
        image &+= 1
      }
    }
  }
}

/// The place of a tile's first output.
struct WinogradTile {
  let image: Int
  let y: Int
  let x: Int
}

/// Transformed tiles in scratch memory, [product][channels / 16][tile][16] float32: what one matrix product reads or
/// writes lies together, sixteen channels of a tile are one vector, and rows need no packing.
struct WinogradTileMemory: Sendable {
  /// Channels in sixteens.
  let blocks: Int
  /// Tiles there is room for.
  let capacity: Int

  /// Elements from one sixteen of the channels to the next.
  var blockStride: Int { capacity * 16 }
  /// Elements from one product to the next; a cache line more than needed, so that the 36 lines that a tile's transform
  /// writes do not compete for one set of the cache.
  var productStride: Int { blocks * blockStride + 16 }
  var count: Int { WinogradTiling.products * productStride }
}
