import Kernels
import Tensors
import Testing

/// Kernels that spread a number over a row or a column, or gather one: transposition, scales, statistics.
@Suite struct BroadcastTests {
  @Test(arguments: [(1, 1), (1, 17), (16, 16), (15, 33), (40, 3)], bothTypes)
  func transposes(_ size: (rows: Int, columns: Int), _ type: ElementType) {
    let matrix = size.rows * size.columns
    let x = TestTensor(random: 3 * matrix, type, stream: 1)
    let y = TestTensor(zeros: 3 * matrix, type)
    Transpose.apply(x.slice, rows: size.rows, columns: size.columns, into: y.slice, accumulate: false)
    let values = x.values
    let expected = (0..<3 * matrix).map { i in
      let (column, row) = (i % matrix / size.rows, i % size.rows)
      return values[i / matrix * matrix + row * size.columns + column]
    }
    #expect(y.values == expected)
    Transpose.apply(x.slice, rows: size.rows, columns: size.columns, into: y.slice, accumulate: true)
    #expect(y.values == expected.map { 2 * $0 })
  }

  @Test(arguments: oddSizes + [600], bothTypes) func scalesRows(columns: Int, type: ElementType) {
    let rows = 3
    let (x, y) = (TestTensor(random: rows * columns, type, stream: 1), TestTensor(zeros: rows * columns, type))
    for factorType in Set([type, .float32]) {
      let s = TestTensor(random: rows, factorType, stream: 2)
      RowScale.apply(x.slice, by: s.slice, into: y.slice, accumulate: false)
      let product = x.doubles.enumerated().map { $1 * s.doubles[$0 / columns] }
      expectClose(y.values, product, relative: type.tolerance)
    }
    let (dy, ds) = (TestTensor(random: rows * columns, type, stream: 3), TestTensor([1, 2, 3], type))
    RowScale.gradient(x.slice, dy: dy.slice, into: ds.slice, accumulate: true)
    let products = zip(x.doubles, dy.doubles).map(*)
    let sums = (0..<rows).map { Double($0 + 1) + products[$0 * columns..<($0 + 1) * columns].reduce(0, +) }
    expectClose(ds.values, sums, relative: type.tolerance, absolute: 1e-4)
  }

  @Test(arguments: oddSizes + [600], bothTypes) func scalesColumns(columns: Int, type: ElementType) {
    let (matrices, rows) = (2, 3)
    let count = matrices * rows * columns
    func factor(_ i: Int) -> Int { i / (rows * columns) * columns + i % columns }
    let (x, y) = (TestTensor(random: count, type, stream: 1), TestTensor(zeros: count, type))
    for factorType in Set([type, .float32]) {
      let s = TestTensor(random: matrices * columns, factorType, stream: 2)
      ColumnScale.apply(x.slice, by: s.slice, columns: columns, into: y.slice, accumulate: false)
      let factors = s.doubles
      expectClose(y.values, x.doubles.enumerated().map { $1 * factors[factor($0)] }, relative: type.tolerance)
    }
    let dy = TestTensor(random: count, type, stream: 3)
    let ds = TestTensor([Float](repeating: 2, count: matrices * columns), type)
    ColumnScale.gradient(x.slice, dy: dy.slice, columns: columns, into: ds.slice, accumulate: true)
    var sums = [Double](repeating: 2, count: matrices * columns)
    for (i, product) in zip(x.doubles, dy.doubles).map(*).enumerated() { sums[factor(i)] += product }
    expectClose(ds.values, sums, relative: type.tolerance, absolute: 1e-4)
  }

  @Test(arguments: oddSizes + [600], bothTypes) func shiftsColumns(columns: Int, type: ElementType) {
    let (matrices, rows) = (2, 3)
    let count = matrices * rows * columns
    func shift(_ i: Int) -> Int { i / (rows * columns) * columns + i % columns }
    let (x, y) = (TestTensor(random: count, type, stream: 1), TestTensor(zeros: count, type))
    for shiftType in Set([type, .float32]) {
      let s = TestTensor(random: matrices * columns, shiftType, stream: 2)
      ColumnShift.apply(x.slice, by: s.slice, columns: columns, into: y.slice)
      let shifts = s.doubles
      let sums = x.doubles.enumerated().map { $1 + shifts[shift($0)] }
      expectClose(y.values, sums, relative: type.tolerance, absolute: type.tolerance)
    }
    let ds = TestTensor([Float](repeating: 2, count: matrices * columns), type)
    ColumnShift.gradient(x.slice, columns: columns, into: ds.slice, accumulate: true)
    var sums = [Double](repeating: 2, count: matrices * columns)
    for (i, value) in x.doubles.enumerated() { sums[shift(i)] += value }
    expectClose(ds.values, sums, relative: type.tolerance, absolute: 1e-4)
  }

  @Test(arguments: oddSizes, bothTypes) func placesAndTakesColumns(columns: Int, type: ElementType) {
    let (rows, width, first) = (3, columns + 5, 2)
    let (x, y) = (TestTensor(random: rows * columns, type, stream: 1), TestTensor(zeros: rows * width, type))
    ColumnBlock.place(x.slice, columns: columns, in: y.slice, width: width, at: first)
    let values = x.values
    let expected = (0..<rows * width).map { i -> Float in
      let column = i % width - first
      return 0..<columns ~= column ? values[i / width * columns + column] : 0
    }
    #expect(y.values == expected)
    for accumulate in [true, false] {
      ColumnBlock.take(
        x.slice, columns: columns, from: y.slice, width: width, at: first, accumulate: accumulate)
      #expect(x.values == values.map { accumulate ? 2 * $0 : $0 })
    }
  }

  @Test(arguments: oddSizes, bothTypes) func findsMeanAndLargest(channels: Int, type: ElementType) {
    let rows = 5
    // Below zero, where the zeros after the last channel would be larger.
    let x = TestTensor((0..<rows * channels).map { Float(-3 - $0 * 7 % 11) }, type)
    let y = TestTensor(zeros: 2 * rows, type)
    let kernel = ChannelStatisticsKernel(channels: channels)
    kernel.forward(x.slice, into: y.slice)
    let all = x.doubles
    let expected = (0..<rows).flatMap { row -> [Double] in
      let values = all[row * channels..<(row + 1) * channels]
      return [values.reduce(0, +) / Double(channels), values.max() ?? 0]
    }
    expectClose(y.values, expected, relative: type.tolerance)
  }

  @Test(arguments: bothTypes) func theFirstOfEqualMaximaGetsTheGradient(_ type: ElementType) {
    let channels = 20
    var values = [Float](repeating: -1, count: 2 * channels)
    for i in [3, 7, 18] { values[i] = 2 }
    // Behind the first vector only, and equal to the zeros behind the last channel.
    for i in [17, 19] { values[channels + i] = 0 }
    let (x, y) = (TestTensor(values, type), TestTensor(zeros: 4, type))
    let kernel = ChannelStatisticsKernel(channels: channels)
    kernel.forward(x.slice, into: y.slice)
    let dx = TestTensor(zeros: 2 * channels, type)
    let dy = TestTensor([0, 4, 0, 8], type)
    kernel.backward(x.slice, y: y.slice, dy: dy.slice, into: dx.slice, accumulate: false)
    var expected = [Float](repeating: 0, count: 2 * channels)
    (expected[3], expected[channels + 17]) = (4, 8)
    #expect(dx.values == expected)
  }
}
