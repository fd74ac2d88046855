/// A small dense matrix in float64, row by row.
struct SquareMatrix {
  let side: Int
  private(set) var elements: [Double]

  init(zeros side: Int) {
    self.side = side
    elements = [Double](repeating: 0, count: side * side)
  }

  init(side: Int, elements: [Double]) {
    precondition(elements.count == side * side)
    self.side = side
    self.elements = elements
  }

  var trace: Double { (0..<side).reduce(0) { $0 + elements[$1 * side + $1] } }

  /// Adds v·vᵀ.
  mutating func addSquare(of v: [Double]) {
    precondition(v.count == side)
    let v = v.span
    var rows = elements.mutableSpan
    for i in 0..<side where v[i] != 0 {
      let factor = v[i]
      for j in 0..<side { rows[i * side + j] += factor * v[j] }
    }
  }

  mutating func scale(by factor: Double) {
    for index in elements.indices { elements[index] *= factor }
  }

  /// Variances below this share of the largest are taken for none: rounding has made them.
  private static let leastVariance = 1e-13

  /// The upper triangular L with Lᵀ·L = self, of a matrix that is symmetric with no negative eigenvalues. Directions without
  /// variance have rows of zeros.
  var choleskyFactor: SquareMatrix {
    var factor = self
    let least = (0..<side).reduce(0) { max($0, elements[$1 * side + $1]) } * Self.leastVariance
    var rows = factor.elements.mutableSpan
    for k in 0..<side {
      for i in k * side..<k * side + k { rows[i] = 0 }
      let pivot = rows[k * side + k]
      guard pivot > least else {
        for i in k * side..<(k + 1) * side { rows[i] = 0 }
        continue
      }
      let scale = 1 / pivot.squareRoot()
      for i in k * side + k..<(k + 1) * side { rows[i] *= scale }
      for i in k + 1..<max(k + 1, side) {
        let share = rows[k * side + i]
        guard share != 0 else { continue }
        for j in i..<side { rows[i * side + j] -= share * rows[k * side + j] }
      }
    }
    return factor
  }

  /// self · otherᵀ.
  func timesTransposed(_ other: SquareMatrix) -> SquareMatrix {
    precondition(side == other.side)
    var product = SquareMatrix(zeros: side)
    let (a, b) = (elements.span, other.elements.span)
    for i in 0..<side {
      for j in 0..<side { product.elements[i * side + j] = Self.dot(a, i * side, b, j * side, side) }
    }
    return product
  }

  private static func dot(_ a: Span<Double>, _ aStart: Int, _ b: Span<Double>, _ bStart: Int, _ count: Int) -> Double {
    let (x, y) = (a.extracting(aStart..<aStart + count), b.extracting(bStart..<bStart + count))
    var sums = SIMD8<Double>(repeating: 0)
    var index = 0
    while index + 8 <= count {
      for lane in 0..<8 { sums[lane] += x[index + lane] * y[index + lane] }
      index += 8
    }
    var sum = sums.sum()
    while index < count {
      sum += x[index] * y[index]
      index += 1
    }
    return sum
  }

  private static let mostSweeps = 60
  /// Rows whose cosine is smaller are taken to be orthogonal.
  private static let leastCosine = 1e-14

  /// By the one-sided method of Jacobi (Hestenes 1958): rows are turned in pairs until all are orthogonal; what is left of
  /// each is a singular value. In no order.
  var singularValues: [Double] {
    var turned = elements
    for _ in 0..<Self.mostSweeps {
      var isDone = true
      for p in 0..<side {
        for q in p + 1..<max(p + 1, side) where Self.turn(p, q, side, &turned) { isDone = false }
      }
      if isDone { break }
    }
    let rows = turned.span
    return (0..<side).map { Self.dot(rows, $0 * side, rows, $0 * side, side).squareRoot() }
  }

  /// Turns two rows in their plane so that they become orthogonal.
  ///
  /// - Returns: false where they are already.
  private static func turn(_ p: Int, _ q: Int, _ side: Int, _ matrix: inout [Double]) -> Bool {
    let rows = matrix.span
    let (a, b) = (dot(rows, p * side, rows, p * side, side), dot(rows, q * side, rows, q * side, side))
    let c = dot(rows, p * side, rows, q * side, side)
    guard abs(c) > leastCosine * (a * b).squareRoot(), c != 0 else { return false }
    let cotangent = (b - a) / (2 * c)
    let tangent = (cotangent < 0 ? -1 : 1) / (abs(cotangent) + (1 + cotangent * cotangent).squareRoot())
    let cosine = 1 / (1 + tangent * tangent).squareRoot()
    let sine = cosine * tangent
    var all = matrix.mutableSpan
    for i in 0..<side {
      let (x, y) = (all[p * side + i], all[q * side + i])
      all[p * side + i] = cosine * x - sine * y
      all[q * side + i] = sine * x + cosine * y
    }
    return true
  }
}
