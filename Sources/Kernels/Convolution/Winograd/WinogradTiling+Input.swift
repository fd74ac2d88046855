import CPlatform

// Sums of tiles with constant factors, sixteen channels at a time. While a tile is transformed, the memory of the tile
// to its right is prefetched; at the end of a row that is useless but harmless.
extension WinogradTiling {
  /// V = Bᵀ·d·B of the patches of the tiles `range`, zeros outside the image.
  ///
  /// - Parameters:
  ///   - x: (batch, inputHeight, inputWidth, 16·memory.blocks).
  ///   - v: laid out as `memory` describes; tile 0 of it is the first of `range`.
  @inline(never) func transformInput<E: VectorElement>(
    _ x: UnsafePointer<E>, _ range: Range<Int>, into v: UnsafeMutablePointer<Float>, _ memory: WinogradTileMemory
  ) {
    let channels = memory.blocks * 16
    let rowStride = inputWidth * channels
    let (blockStride, productStride) = (memory.blockStride, memory.productStride)
    var destination = v
    forEach(range) { tile in
      let (top, left) = (tile.y &- paddingAbove, tile.x &- paddingLeft)
      let isInside =
        top >= 0 && left >= 0 && top &+ Self.patchSize <= inputHeight && left &+ Self.patchSize <= inputWidth
      var from = x + ((tile.image &* inputHeight &+ top) &* inputWidth &+ left) &* channels
      var to = destination
      // The first two columns of a patch are the last two of the patch before it.
      @inline(__always) func fetchNext(_ row: Int, _ column: Int) {
        guard column >= Self.patchSize - Self.tileSize else { return }
        troupe_prefetch(from + (row &* rowStride &+ (column &+ Self.tileSize) &* channels))
      }
      for _ in 0..<memory.blocks {
        if isInside {
          Self.transformInput(to, productStride) { row, column in
            fetchNext(row, column)
            return E.load(from + (row &* rowStride &+ column &* channels))
          }
        } else {
          Self.transformInput(to, productStride) { row, column in
            fetchNext(row, column)
            let isThere = 0..<inputHeight ~= top &+ row && 0..<inputWidth ~= left &+ column
            return E.load(from + (row &* rowStride &+ column &* channels), first: isThere ? 16 : 0)
          }
        }
        from += 16
        to += blockStride
      }
      destination += 16
    }
  }

  /// D = A·dy·Aᵀ of the tiles `range`, zeros outside the image.
  ///
  /// - Parameters:
  ///   - dy: (batch, outputHeight, outputWidth, 16·memory.blocks).
  ///   - d: laid out as `memory` describes; tile 0 of it is the first of `range`.
  @inline(never) func transformOutputGradient<E: VectorElement>(
    _ dy: UnsafePointer<E>, _ range: Range<Int>, into d: UnsafeMutablePointer<Float>, _ memory: WinogradTileMemory
  ) {
    let channels = memory.blocks * 16
    let rowStride = outputWidth * channels
    let (blockStride, productStride) = (memory.blockStride, memory.productStride)
    var destination = d
    forEach(range) { tile in
      let (rows, columns) = (outputHeight &- tile.y, outputWidth &- tile.x)
      var from = dy + ((tile.image &* outputHeight &+ tile.y) &* outputWidth &+ tile.x) &* channels
      var to = destination
      for _ in 0..<memory.blocks {
        if rows >= Self.tileSize && columns >= Self.tileSize {
          Self.transformOutputGradient(to, productStride) { row, column in
            troupe_prefetch(from + (row &* rowStride &+ (column &+ Self.tileSize) &* channels))
            return E.load(from + (row &* rowStride &+ column &* channels))
          }
        } else {
          Self.transformOutputGradient(to, productStride) { row, column in
            E.load(from + (row &* rowStride &+ column &* channels), first: row < rows && column < columns ? 16 : 0)
          }
        }
        from += 16
        to += blockStride
      }
      destination += 16
    }
  }

  /// - Parameter d: the patch's element at a row and a column.
  @inline(__always) private static func transformInput(
    _ v: UnsafeMutablePointer<Float>, _ stride: Int, _ d: (Int, Int) -> Vector
  ) {
    @inline(__always) func column(_ j: Int) -> SixVectors {
      SixVectors(d(0, j), d(1, j), d(2, j), d(3, j), d(4, j), d(5, j)).inputTransform
    }
    let (c0, c1, c2, c3, c4, c5) = (column(0), column(1), column(2), column(3), column(4), column(5))
    SixVectors(c0.v0, c1.v0, c2.v0, c3.v0, c4.v0, c5.v0).inputTransform.store(v, stride)
    SixVectors(c0.v1, c1.v1, c2.v1, c3.v1, c4.v1, c5.v1).inputTransform.store(v + 6 &* stride, stride)
    SixVectors(c0.v2, c1.v2, c2.v2, c3.v2, c4.v2, c5.v2).inputTransform.store(v + 12 &* stride, stride)
    SixVectors(c0.v3, c1.v3, c2.v3, c3.v3, c4.v3, c5.v3).inputTransform.store(v + 18 &* stride, stride)
    SixVectors(c0.v4, c1.v4, c2.v4, c3.v4, c4.v4, c5.v4).inputTransform.store(v + 24 &* stride, stride)
    SixVectors(c0.v5, c1.v5, c2.v5, c3.v5, c4.v5, c5.v5).inputTransform.store(v + 30 &* stride, stride)
  }

  /// - Parameter dy: the tile's element at a row and a column.
  @inline(__always) private static func transformOutputGradient(
    _ d: UnsafeMutablePointer<Float>, _ stride: Int, _ dy: (Int, Int) -> Vector
  ) {
    @inline(__always) func column(_ j: Int) -> SixVectors {
      FourVectors(dy(0, j), dy(1, j), dy(2, j), dy(3, j)).outputGradientTransform
    }
    let (c0, c1, c2, c3) = (column(0), column(1), column(2), column(3))
    FourVectors(c0.v0, c1.v0, c2.v0, c3.v0).outputGradientTransform.store(d, stride)
    FourVectors(c0.v1, c1.v1, c2.v1, c3.v1).outputGradientTransform.store(d + 6 &* stride, stride)
    FourVectors(c0.v2, c1.v2, c2.v2, c3.v2).outputGradientTransform.store(d + 12 &* stride, stride)
    FourVectors(c0.v3, c1.v3, c2.v3, c3.v3).outputGradientTransform.store(d + 18 &* stride, stride)
    FourVectors(c0.v4, c1.v4, c2.v4, c3.v4).outputGradientTransform.store(d + 24 &* stride, stride)
    FourVectors(c0.v5, c1.v5, c2.v5, c3.v5).outputGradientTransform.store(d + 30 &* stride, stride)
  }
}
