import CLAPACK

/// The unbiased covariance of features, by LAPACK: symmetric, in float64, its upper half row by row.
struct CovarianceMatrix {
  let mean: [Double]
  private var elements: [Double]
  private var side: Int { mean.count }

  /// - Parameter table: at least two rows.
  init(_ table: FeatureTable) {
    let width = table.width
    var mean = [Double](repeating: 0, count: width)
    for row in 0..<table.count {
      for column in 0..<width { mean[column] += Double(table.values[row * width + column]) }
    }
    for column in 0..<width { mean[column] /= Double(table.count) }
    elements = [Double](repeating: 0, count: width * width)
    var centered = mean
    for row in 0..<table.count {
      for column in 0..<width { centered[column] = Double(table.values[row * width + column]) - mean[column] }
      cblas_dsyr(
        CblasRowMajor, CblasUpper, Int32(width), 1 / Double(table.count - 1), centered, 1, &elements, Int32(width))
    }
    self.mean = mean
  }

  var trace: Double { (0..<side).reduce(0) { $0 + elements[$1 * side + $1] } }

  /// Variances below this share of the largest are rounding errors and count as 0.
  private static let leastVariance = 1e-13

  /// L with Lᵀ·L = Σ, by Cholesky's method with pivots, because Σ may be singular. Nil if an element is NaN.
  private var factor: [Double]? {
    var rows = elements
    var order = [Int32](repeating: 0, count: side)
    var rank = Int32(0)
    let largest = (0..<side).reduce(0) { max($0, elements[$1 * side + $1]) }
    // A status above 0 stands for a deficient rank.
    let status = LAPACKE_dpstrf(
      LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "U")), Int32(side), &rows, Int32(side), &order, &rank,
      largest * Self.leastVariance)
    guard status >= 0 else { return nil }
    var factor = [Double](repeating: 0, count: side * side)
    for row in 0..<Int(rank) {
      for column in row..<side { factor[row * side + Int(order[column]) - 1] = rows[row * side + column] }
    }
    return factor
  }

  /// tr (Σ₁·Σ₂)^½: the sum of the singular values of L₁·L₂ᵀ, which avoids the root of a matrix. NaN if an element of
  /// either is NaN.
  func traceOfRoot(with other: CovarianceMatrix) -> Double {
    precondition(side == other.side)
    guard let first = factor, let second = other.factor else { return .nan }
    let n = Int32(side)
    var product = [Double](repeating: 0, count: side * side)
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1, first, n, second, n, 0, &product, n)
    var singularValues = [Double](repeating: 0, count: side)
    // Rows or columns first: the values are the same.
    let status = LAPACKE_dgesdd(
      LAPACK_COL_MAJOR, CChar(UInt8(ascii: "N")), n, n, &product, n, &singularValues, nil, n, nil, n)
    return status == 0 ? singularValues.reduce(0, +) : .nan
  }
}
