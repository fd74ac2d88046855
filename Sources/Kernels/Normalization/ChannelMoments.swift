import Tensors

/// Mean and sum of squared deviations of each channel in one sweep over memory.
///
/// The first rows are summed twice while the caches hold them. Every further block of rows is summed as deviations from
/// the mean of the rows above it, and merged in float64 (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise
/// Algorithm for Computing Sample Variances", 1979). A block whose own mean lies far off adds as much to the whole as
/// it cancels in its own sum, so the relative error is a few roundings for all numbers.
enum ChannelMoments {
  private static let firstBlock = 64
  private static let largestBlock = 1024

  /// - Parameters:
  ///   - x: the matrix of which `panel` is a part.
  ///   - means: [panel.channels], written.
  ///   - squares: [panel.channels], written: the sums of squared deviations from the means.
  @inline(__always)
  static func measure<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ panel: ChannelPanel, means: UnsafeMutablePointer<Double>,
    squares: UnsafeMutablePointer<Double>
  ) {
    withColumns(of: Double.self) { columnCenters in
      withColumns(of: Double.self) { columnSquares in
        var start = 0
        while start < panel.rows {
          // No larger than the rows above it, whose mean is then at least as good a center as its own.
          let size = min(max(start, firstBlock), largestBlock)
          let block = start..<min(start + size, panel.rows)
          merge(block, x, panel, columnCenters, columnSquares)
          start = block.upperBound
        }
        mergeRest(x, panel, columnCenters, columnSquares)
        fold(panel, columnCenters, columnSquares, means, squares)
      }
    }
  }

  /// Adds a block to the means and sums of squared deviations of all rows above it.
  @inline(__always)
  private static func merge<E: VectorElement>(
    _ block: Range<Int>, _ x: UnsafeMutablePointer<E>, _ panel: ChannelPanel, _ centers: UnsafeMutablePointer<Double>,
    _ squares: UnsafeMutablePointer<Double>
  ) {
    let count = Double(block.count)
    let above = Double(block.lowerBound)
    let share = count / (above + count)
    withColumns(of: Double.self) { sums in
      withColumns(of: Double.self) { deviationSquares in
        withColumns(of: Float.self) { blockCenters in
          if block.lowerBound == 0 {
            addRows(block, columns: 0..<panel.width, to: sums) { row, column, lanes in
              E.load(x + (row &* panel.stride &+ panel.firstChannel &+ column), lanes: lanes)
            }
            for i in 0..<panel.width {
              blockCenters[i] = Float(sums[i] / count)
              sums[i] = 0
            }
          } else {
            for i in 0..<panel.width { blockCenters[i] = Float(centers[i]) }
          }
          addRows(block, columns: 0..<panel.width, to: sums, and: deviationSquares) { row, column, lanes, sum, square in
            let value = E.load(x + (row &* panel.stride &+ panel.firstChannel &+ column), lanes: lanes)
            let deviation = value - Float.load(blockCenters + column)
            sum += deviation
            square.addProduct(deviation, deviation)
          }
          for i in 0..<panel.width {
            // The mean of the deviations is the distance of the block's mean from its center.
            let rest = sums[i] / count
            let step = Double(blockCenters[i]) + rest - centers[i]
            centers[i] += step * share
            squares[i] += deviationSquares[i] - sums[i] * rest + step * step * (above * share)
          }
        }
      }
    }
  }

  /// Adds the unfinished last row, one number a column.
  @inline(__always)
  private static func mergeRest<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ panel: ChannelPanel, _ centers: UnsafeMutablePointer<Double>,
    _ squares: UnsafeMutablePointer<Double>
  ) {
    let above = Double(panel.rows)
    let from = x + panel.rows * panel.stride
    for i in 0..<panel.rest {
      let step = Double(E.load(from + i, first: 1)[0]) - centers[i]
      centers[i] += step / (above + 1)
      squares[i] += step * step * (above / (above + 1))
    }
  }

  /// Joins the columns of each channel.
  @inline(__always)
  private static func fold(
    _ panel: ChannelPanel, _ centers: UnsafeMutablePointer<Double>, _ squares: UnsafeMutablePointer<Double>,
    _ means: UnsafeMutablePointer<Double>, _ totals: UnsafeMutablePointer<Double>
  ) {
    for channel in 0..<panel.channels {
      var (count, mean, total) = (0.0, 0.0, 0.0)
      for i in stride(from: channel, to: panel.width, by: panel.channels) {
        let added = Double(panel.rows + (i < panel.rest ? 1 : 0))
        if added == 0 { break }
        let step = centers[i] - mean
        let share = added / (count + added)
        mean += step * share
        total += squares[i] + step * step * (count * share)
        count += added
      }
      means[channel] = mean
      totals[channel] = total
    }
  }
}
