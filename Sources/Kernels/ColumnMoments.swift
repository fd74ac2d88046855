import Arenas

/// Mean and variance of each column in one sweep over memory.
///
/// A block of rows is summed twice while the caches hold it, which makes its variance accurate whatever its mean; blocks are
/// merged in float64 (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979).
enum ColumnMoments {
  private static let rowBlock = 64

  static func measure<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ mean: TensorSlice, _ inverseDeviation: TensorSlice, _ observedMean: TensorSlice,
    _ observedVariance: TensorSlice, _ rows: Int, _ channels: Int, _ epsilon: Float
  ) {
    let saved = mean.pointer(as: Float.self)
    let inverses = inverseDeviation.pointer(as: Float.self)
    let means = observedMean.pointer(as: Float.self)
    let variances = observedVariance.pointer(as: Float.self)
    forEachChunk(channels) { chunk in
      withColumns(of: Double.self) { centers in
        withColumns(of: Double.self) { squares in
          var start = 0
          while start < rows {
            let block = start..<min(start + rowBlock, rows)
            merge(block, x, channels, chunk, centers, squares)
            start = block.upperBound
          }
          for i in 0..<chunk.count {
            let channel = chunk.lowerBound + i
            saved[channel] = Float(centers[i])
            means[channel] = Float(centers[i])
            inverses[channel] = Float(1 / (squares[i] / Double(rows) + Double(epsilon)).squareRoot())
            variances[channel] = Float(squares[i] / Double(max(rows - 1, 1)))
          }
        }
      }
    }
  }

  /// Adds a block to the means and sums of squared deviations of all rows above it.
  @inline(__always)
  private static func merge<E: VectorElement>(
    _ block: Range<Int>, _ x: UnsafeMutablePointer<E>, _ channels: Int, _ chunk: Range<Int>,
    _ centers: UnsafeMutablePointer<Double>, _ squares: UnsafeMutablePointer<Double>
  ) {
    let count = Double(block.count)
    let above = Double(block.lowerBound)
    let share = count / (above + count)
    withColumns(of: Double.self) { sums in
      withColumns(of: Double.self) { deviationSquares in
        withColumns(of: Float.self) { blockCenters in
          addRows(block, columns: chunk, to: sums) { row, column, lanes in
            E.load(x + (row &* channels &+ column), lanes: lanes)
          }
          for i in 0..<chunk.count {
            blockCenters[i] = Float(sums[i] / count)
            sums[i] = 0
          }
          addRows(block, columns: chunk, to: sums, and: deviationSquares) { row, column, lanes in
            let center = Float.load(blockCenters + (column - chunk.lowerBound))
            let deviation = E.load(x + (row &* channels &+ column), lanes: lanes) - center
            return (deviation, deviation * deviation)
          }
          for i in 0..<chunk.count {
            // The deviations' own mean is what rounding took from the block's.
            let rest = sums[i] / count
            let step = Double(blockCenters[i]) + rest - centers[i]
            centers[i] += step * share
            squares[i] += deviationSquares[i] - sums[i] * rest + step * step * (above * share)
          }
        }
      }
    }
  }
}
