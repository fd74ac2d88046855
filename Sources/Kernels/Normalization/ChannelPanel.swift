import Tensors

/// Columns of a rows × channels matrix, for kernels that treat a channel alike in all rows.
///
/// Many channels are split into stretches, so that a few numbers per channel fit the stack and the L1 cache. Rows of
/// few channels are joined into fewer and longer rows that repeat each channel: their sums are independent, and odd
/// numbers of channels fill whole vectors. Such a matrix may end in a part of a row.
struct ChannelPanel {
  /// The channel of the first column.
  let firstChannel: Int
  let channels: Int
  /// Columns: `channels`, or a multiple of it.
  let width: Int
  /// Elements from one row to the next.
  let stride: Int
  /// Whole rows.
  let rows: Int
  /// Elements after the last whole row.
  let rest: Int

  /// Rows shorter than this are joined.
  private static let desiredWidth = 128
  /// Blocks of this many elements are walked from their first row to their last, also when blocks go backward.
  private static let blockSize = 16_384
  private static let rowGroup = 4

  @inline(__always)
  static func forEach(rows: Int, channels: Int, _ body: (ChannelPanel) -> Void) {
    let copies = copies(of: channels)
    if copies > 1 {
      let width = copies * channels
      body(
        ChannelPanel(
          firstChannel: 0, channels: channels, width: width, stride: width, rows: rows / copies,
          rest: rows % copies * channels))
      return
    }
    forEachChunk(channels) { chunk in
      body(
        ChannelPanel(
          firstChannel: chunk.lowerBound, channels: chunk.count, width: chunk.count, stride: channels, rows: rows,
          rest: 0))
    }
  }

  /// How many rows are seen as one: as many as fill whole vectors and are wide enough, or 1 where that cannot be.
  private static func copies(of channels: Int) -> Int {
    let fitting = 16 >> min(4, channels.trailingZeroBitCount)
    let width = fitting * channels
    return channels >= desiredWidth || width > columnChunk ? 1 : (desiredWidth + width - 1) / width * fitting
  }

  /// Writes `value(channel)` for every column.
  @inline(__always)
  func fill<Number>(_ columns: UnsafeMutablePointer<Number>, _ value: (Int) -> Number) {
    for i in 0..<channels { columns[i] = value(firstChannel + i) }
    for i in channels..<max(channels, width) { columns[i] = columns[i - channels] }
  }

  /// Adds up the columns of each channel, in the channel's first column.
  @inline(__always)
  func fold(_ totals: UnsafeMutablePointer<Double>) {
    for i in channels..<max(channels, width) { totals[i % channels] += totals[i] }
  }

  /// Two sums of each column over the rows: `add(element, column, lanes, &a, &b)` adds the terms of both.
  @inline(__always)
  func addRows(
    to totals: UnsafeMutablePointer<Double>, and others: UnsafeMutablePointer<Double>,
    _ add: (Int, Int, Int, inout Vector, inout Vector) -> Void
  ) {
    @inline(__always) func term(
      _ row: Int, _ column: Int, _ lanes: Int, _ total: inout Vector, _ other: inout Vector
    ) {
      add(row &* stride &+ firstChannel &+ column, column, lanes, &total, &other)
    }
    Kernels.addRows(0..<rows, columns: 0..<width, to: totals, and: others, term)
    if rest > 0 { Kernels.addRows(rows..<rows + 1, columns: 0..<rest, to: totals, and: others, term) }
  }

  /// Calls `body` with the element, the lanes and the factors of each vector, the last rows first.
  ///
  /// A sweep from the end begins with the rows that the sweep before it left in the caches, and ends with those that
  /// the next sweep, from the start, reads first.
  ///
  /// - Parameter load: the factors of the vector that begins in a column.
  @inline(__always)
  func forEachVectorFromTheEnd<Factors>(load: (Int) -> Factors, _ body: (Int, Int, Factors) -> Void) {
    if rest > 0 {
      let start = rows * stride
      forEachVector(rest) { i, lanes in body(start &+ i, lanes, load(i)) }
    }
    let blockRows = max(1, Self.blockSize / width)
    var end = rows
    while end > 0 {
      let start = max(0, end - blockRows)
      var row = start
      while row < end {
        // Factors are loaded once for a few rows.
        let count = row &+ Self.rowGroup <= end ? Self.rowGroup : 1
        let offset = row &* stride &+ firstChannel
        forEachVector(width) { i, lanes in
          let factors = load(i)
          if count == Self.rowGroup {
            for next in 0..<Self.rowGroup { body(offset &+ next &* stride &+ i, lanes, factors) }
          } else {
            body(offset &+ i, lanes, factors)
          }
        }
        row &+= count
      }
      end = start
    }
  }
}

/// The factors of each column of a panel: y = (x − center)·scale + shift, dx = scale·g + slope·(x − center) + offset.
struct ColumnFactors {
  let centers: UnsafeMutablePointer<Float>
  let scales: UnsafeMutablePointer<Float>
  let shifts: UnsafeMutablePointer<Float>
  let slopes: UnsafeMutablePointer<Float>
  let offsets: UnsafeMutablePointer<Float>
}

/// Room for them, on the stack.
@inline(__always)
func withColumnFactors(_ body: (ColumnFactors) -> Void) {
  withColumns(of: Float.self) { centers in
    withColumns(of: Float.self) { scales in
      withColumns(of: Float.self) { shifts in
        withColumns(of: Float.self) { slopes in
          withColumns(of: Float.self) { offsets in
            body(ColumnFactors(centers: centers, scales: scales, shifts: shifts, slopes: slopes, offsets: offsets))
          }
        }
      }
    }
  }
}
