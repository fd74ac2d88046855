import CPlatform

/// 3×3 weights on their way between the master copy, (O, C, 3, 3), and the Winograd domain.
///
/// In between they are packed, [outputs / 16][inputs][9][16] float32, where outputs and inputs are those of the
/// convolution that reads them: O and C, or C and O with the windows turned by 180° for dx. G·w·Gᵀ is four times as
/// large as w, in wide layers more than the caches hold, so it is made from the packed weights where it is needed.
enum WinogradWeights {
  private static let taps = 9
  /// How many windows ahead packed weights are prefetched: the hardware does not follow steps as long as theirs.
  private static let fetchedAhead = 8

  /// Packs for y.
  static func pack(
    _ weights: UnsafePointer<Float>, channels: Int, filters: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    let rowLength = channels * taps
    for block in 0..<filters / 16 {
      for column in stride(from: 0, to: rowLength, by: 16) {
        let from = weights + (block * 16 * rowLength + column)
        var square = SquareOfVectors { Float.load(from + $0 * rowLength) }
        transpose(&square)
        let to = packed + (block * rowLength + column) * 16
        for i in 0..<16 { Float.store(square[i], to + i * 16) }
      }
    }
  }

  /// Packs for dx.
  static func packTurned(
    _ weights: UnsafePointer<Float>, channels: Int, filters: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    for block in 0..<channels / 16 {
      for filter in 0..<filters {
        let from = weights + (filter * channels + block * 16) * taps
        let to = packed + (block * filters + filter) * taps * 16
        var square = SquareOfVectors { Float.load(from + $0 * taps, first: taps) }
        transpose(&square)
        for tap in 0..<taps { Float.store(square[taps - 1 - tap], to + tap * 16) }
      }
    }
  }

  /// U = G·w·Gᵀ of the sixteens `blocks` of the outputs.
  ///
  /// - Parameter u: [36][blocks][inputs][16], with `stride` elements from one of the 36 to the next.
  @inline(never) static func transform(
    _ packed: UnsafePointer<Float>, inputs: Int, blocks: Range<Int>, into u: UnsafeMutablePointer<Float>, stride: Int
  ) {
    var from = packed + blocks.lowerBound * inputs * taps * 16
    var to = u
    for _ in 0..<blocks.count * inputs {
      for tap in 0..<taps { troupe_prefetch(from + (fetchedAhead &* taps &+ tap) &* 16) }
      @inline(__always) func column(_ j: Int) -> SixVectors {
        ThreeVectors(Float.load(from + j &* 16), Float.load(from + (3 &+ j) &* 16), Float.load(from + (6 &+ j) &* 16))
          .weightTransform
      }
      let (c0, c1, c2) = (column(0), column(1), column(2))
      ThreeVectors(c0.v0, c1.v0, c2.v0).weightTransform.store(to, stride)
      ThreeVectors(c0.v1, c1.v1, c2.v1).weightTransform.store(to + 6 &* stride, stride)
      ThreeVectors(c0.v2, c1.v2, c2.v2).weightTransform.store(to + 12 &* stride, stride)
      ThreeVectors(c0.v3, c1.v3, c2.v3).weightTransform.store(to + 18 &* stride, stride)
      ThreeVectors(c0.v4, c1.v4, c2.v4).weightTransform.store(to + 24 &* stride, stride)
      ThreeVectors(c0.v5, c1.v5, c2.v5).weightTransform.store(to + 30 &* stride, stride)
      from += taps &* 16
      to += 16
    }
  }

  /// dW = Gᵀ·dU·G, or += it, of sixteen filters and up to thirty-two channels.
  ///
  /// - Parameters:
  ///   - u: [36][blocks][16 filters][16 channels].
  ///   - dW: the first of these filters' and channels' elements in (O, C, 3, 3).
  @inline(never) static func transformGradient(
    _ u: UnsafePointer<Float>, blocks: Int, channels: Int, into dW: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    let stride = blocks * 256
    for filter in 0..<16 {
      for block in 0..<blocks {
        let from = u + (block &* 256 &+ filter &* 16)
        let to = dW + (filter &* channels &+ block &* 16) &* taps
        for line in 0..<taps { troupe_prefetch_to_write(to + (channels &* taps &+ line &* 16)) }
        @inline(__always) func column(_ j: Int) -> ThreeVectors {
          SixVectors(from + j &* stride, 6 &* stride).weightGradientTransform
        }
        let (c0, c1, c2, c3, c4, c5) = (column(0), column(1), column(2), column(3), column(4), column(5))
        let top = SixVectors(c0.v0, c1.v0, c2.v0, c3.v0, c4.v0, c5.v0).weightGradientTransform
        let middle = SixVectors(c0.v1, c1.v1, c2.v1, c3.v1, c4.v1, c5.v1).weightGradientTransform
        let bottom = SixVectors(c0.v2, c1.v2, c2.v2, c3.v2, c4.v2, c5.v2).weightGradientTransform
        // Taps by channels, transposed to channels by taps; the other seven rows are unused.
        var square = SquareOfVectors(repeating: Vector.zero)
        (square[0], square[1], square[2]) = (top.v0, top.v1, top.v2)
        (square[3], square[4], square[5]) = (middle.v0, middle.v1, middle.v2)
        (square[6], square[7], square[8]) = (bottom.v0, bottom.v1, bottom.v2)
        transpose(&square)
        for channel in 0..<16 {
          let window = to + channel &* taps
          let value = accumulate ? Float.load(window, first: taps) + square[channel] : square[channel]
          Float.store(value, window, first: taps)
        }
      }
    }
  }
}
