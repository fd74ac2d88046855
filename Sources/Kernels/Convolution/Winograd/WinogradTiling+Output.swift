import CPlatform

extension WinogradTiling {
  /// y = Aᵀ·M·A (+ bias) (+ shortcut) (then ReLU) of the tiles `range` and of the sixteens `blocks` of the channels of
  /// y.
  ///
  /// - Parameters:
  ///   - m: laid out as `memory` describes; tile 0 of it is the first of `range`, block 0 the first of `blocks`.
  ///   - bias: [channels], if there is one.
  ///   - shortcut: laid out as `y`, if something is added; may be `y` itself.
  ///   - y: (batch, outputHeight, outputWidth, channels).
  @inline(never) func transformOutput<E: VectorElement>(
    _ m: UnsafePointer<Float>, _ memory: WinogradTileMemory, _ range: Range<Int>, blocks: Range<Int>, channels: Int,
    bias: UnsafePointer<Float>?, shortcut: UnsafePointer<E>?, relu: Bool, into y: UnsafeMutablePointer<E>
  ) {
    let rowStride = outputWidth * channels
    let (blockStride, productStride) = (memory.blockStride, memory.productStride)
    var source = m
    forEach(range) { tile in
      let (rows, columns) = (outputHeight &- tile.y, outputWidth &- tile.x)
      let origin = y + ((tile.image &* outputHeight &+ tile.y) &* outputWidth &+ tile.x) &* channels
      var from = source
      for block in blocks {
        let shift = bias.map { Float.load($0 + block &* 16) } ?? Vector.zero
        let to = origin + block &* 16
        @inline(__always) func finish(_ row: Int, _ column: Int, _ value: Vector) {
          let pixel = to + (row &* rowStride &+ column &* channels)
          var sum = value + shift
          if let shortcut { sum += E.load(shortcut + (pixel - y)) }
          // Not a maximum, which would hide NaN.
          E.store(relu ? sum.replacing(with: Vector.zero, where: sum .< Vector.zero) : sum, pixel)
        }
        if rows >= Self.tileSize && columns >= Self.tileSize {
          Self.transformOutput(from, productStride) { row, column, value in
            finish(row, column, value)
            // Of the next tile in this row.
            troupe_prefetch_to_write(to + (row &* rowStride &+ (column &+ Self.tileSize) &* channels))
          }
        } else {
          Self.transformOutput(from, productStride) { row, column, value in
            if row < rows && column < columns { finish(row, column, value) }
          }
        }
        from += blockStride
      }
      source += 16
    }
  }

  /// - Parameter store: takes the tile's element at a row and a column.
  @inline(__always) private static func transformOutput(
    _ m: UnsafePointer<Float>, _ stride: Int, _ store: (Int, Int, Vector) -> Void
  ) {
    @inline(__always) func column(_ j: Int) -> FourVectors { SixVectors(m + j &* stride, 6 &* stride).outputTransform }
    let (c0, c1, c2, c3, c4, c5) = (column(0), column(1), column(2), column(3), column(4), column(5))
    @inline(__always) func row(_ i: Int, _ six: SixVectors) {
      let four = six.outputTransform
      store(i, 0, four.v0)
      store(i, 1, four.v1)
      store(i, 2, four.v2)
      store(i, 3, four.v3)
    }
    row(0, SixVectors(c0.v0, c1.v0, c2.v0, c3.v0, c4.v0, c5.v0))
    row(1, SixVectors(c0.v1, c1.v1, c2.v1, c3.v1, c4.v1, c5.v1))
    row(2, SixVectors(c0.v2, c1.v2, c2.v2, c3.v2, c4.v2, c5.v2))
    row(3, SixVectors(c0.v3, c1.v3, c2.v3, c3.v3, c4.v3, c5.v3))
  }
}
