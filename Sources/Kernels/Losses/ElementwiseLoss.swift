import Tensors

/// A loss of each element of a prediction against the same element of a target, summed over all.
package struct ElementwiseLossKernel: Sendable {
  package enum Function: Sendable {
    /// (x − t)².
    case squaredError
    /// Binary cross-entropy of σ(x) with targets in [0, 1]: −t·ln σ(x) − (1 − t)·ln(1 − σ(x)), without overflow for any
    /// x.
    case binaryCrossEntropy
    /// ½(x − t)² up to a distance δ, δ·(|x − t| − ½δ) beyond.
    case huber(delta: Float)
  }

  package let function: Function
  package let rows: Int
  package let columns: Int

  package init(_ function: Function, rows: Int, columns: Int) {
    precondition(rows > 0 && columns > 0)
    self.function = function
    self.rows = rows
    self.columns = columns
  }

  /// - Parameters:
  ///   - x: rows × columns predictions or logits, float32 or bfloat16.
  ///   - targets: rows × columns float32.
  ///   - weights: a factor of each row's losses, float32; nil where all are 1.
  ///   - validRows: rows from here on are padding and count nothing.
  /// - Returns: weight and count are the number of elements in valid rows. Of binary cross-entropy an element is
  ///   correct when σ(x) and the target lie on the same side of ½ (½ itself belongs to the lower side), of squared
  ///   errors none is.
  package func forward(
    _ x: TensorSlice, targets: TensorSlice, weights: TensorSlice? = nil, validRows: Int
  ) -> LossSums {
    switch function {
    case .squaredError: pass(SquaredError(), weights, validRows).forward(x, targets)
    case .binaryCrossEntropy: pass(BinaryCrossEntropy(), weights, validRows).forward(x, targets)
    case .huber(let delta): pass(Huber(delta: delta), weights, validRows).forward(x, targets)
    }
  }

  /// The gradient of the SUM of the losses, 2·(x − t), σ(x) − t or x − t within ±δ; zero for padding.
  ///
  /// - Parameter gradient: rows × columns, of x's type; may be `x` itself.
  package func backward(
    _ x: TensorSlice, targets: TensorSlice, weights: TensorSlice? = nil, validRows: Int, into gradient: TensorSlice
  ) {
    switch function {
    case .squaredError: pass(SquaredError(), weights, validRows).backward(x, targets, gradient)
    case .binaryCrossEntropy: pass(BinaryCrossEntropy(), weights, validRows).backward(x, targets, gradient)
    case .huber(let delta): pass(Huber(delta: delta), weights, validRows).backward(x, targets, gradient)
    }
  }

  private func pass<Loss: PointwiseLoss>(
    _ loss: Loss, _ weights: TensorSlice?, _ validRows: Int
  ) -> ElementwiseLossPass<Loss> {
    ElementwiseLossPass(loss: loss, rows: rows, columns: columns, weights: weights, validRows: validRows)
  }
}

private protocol PointwiseLoss {
  func value(_ x: Vector, _ target: Vector) -> Vector
  func slope(_ x: Vector, _ target: Vector) -> Vector
  /// 1 where the prediction hits, 0 elsewhere; nil where a hit has no meaning.
  func hits(_ x: Vector, _ target: Vector) -> Vector?
}

private struct SquaredError: PointwiseLoss {
  @inline(__always) func value(_ x: Vector, _ target: Vector) -> Vector { (x - target) * (x - target) }
  @inline(__always) func slope(_ x: Vector, _ target: Vector) -> Vector { 2 * (x - target) }
  @inline(__always) func hits(_ x: Vector, _ target: Vector) -> Vector? { nil }
}

private struct Huber: PointwiseLoss {
  let delta: Float

  @inline(__always) func value(_ x: Vector, _ target: Vector) -> Vector {
    let distance = (x - target).magnitude
    let square = 0.5 * distance * distance
    return square.replacing(with: delta * (distance - 0.5 * delta), where: distance .> Vector(repeating: delta))
  }
  @inline(__always) func slope(_ x: Vector, _ target: Vector) -> Vector {
    let difference = x - target
    return difference.min(Vector(repeating: delta)).max(Vector(repeating: -delta)).keepingNaN(of: difference)
  }
  @inline(__always) func hits(_ x: Vector, _ target: Vector) -> Vector? { nil }
}

private struct BinaryCrossEntropy: PointwiseLoss {
  @inline(__always) func value(_ x: Vector, _ target: Vector) -> Vector {
    let positive = x.max(.zero).keepingNaN(of: x)
    return positive.addingProduct(-x, target) + logarithmOfOnePlus(exponential(-x.magnitude))
  }
  @inline(__always) func slope(_ x: Vector, _ target: Vector) -> Vector { logistic(x) - target }
  @inline(__always) func hits(_ x: Vector, _ target: Vector) -> Vector? {
    let agree = (x .> Vector.zero) .^ (target .<= Vector(repeating: 0.5))
    return Vector.zero.replacing(with: 1, where: agree .& (x .== x))
  }
}

private struct ElementwiseLossPass<Loss: PointwiseLoss> {
  let loss: Loss
  let rows: Int
  let columns: Int
  let weights: TensorSlice?
  let validRows: Int

  /// Elements that are summed in float32 before they are added in float64.
  private static var block: Int { 1024 }

  @inline(__always)
  func forward(_ x: TensorSlice, _ targets: TensorSlice) -> LossSums {
    check(x, targets)
    return x.type == .bfloat16
      ? forward(x.pointer(as: BFloat16.self), targets) : forward(x.pointer(as: Float.self), targets)
  }

  @inline(__always)
  func backward(_ x: TensorSlice, _ targets: TensorSlice, _ gradient: TensorSlice) {
    check(x, targets)
    precondition(gradient.count == x.count && gradient.type == x.type)
    let t = targets.pointer(as: Float.self)
    if x.type == .bfloat16 {
      backward(x.pointer(as: BFloat16.self), t, gradient.pointer(as: BFloat16.self))
    } else {
      backward(x.pointer(as: Float.self), t, gradient.pointer(as: Float.self))
    }
    gradient.slice(validRows * columns..<gradient.count).zero()
  }

  private func check(_ x: TensorSlice, _ targets: TensorSlice) {
    precondition(x.count == rows * columns && x.type != .int32)
    precondition(targets.count == x.count && targets.type == .float32)
    precondition(validRows >= 0 && validRows <= rows)
    precondition(weights.map { $0.count == rows && $0.type == .float32 } ?? true)
  }

  /// Calls `body` with the ranges of elements that share a weight.
  @inline(__always)
  private func forEachStretch(_ body: (Range<Int>, Float) -> Void) {
    guard let weights else { return body(0..<validRows * columns, 1) }
    let factors = weights.pointer(as: Float.self)
    for row in 0..<validRows { body(row * columns..<(row + 1) * columns, factors[row]) }
  }

  private func forward<E: VectorElement>(_ x: UnsafeMutablePointer<E>, _ targets: TensorSlice) -> LossSums {
    let t = targets.pointer(as: Float.self)
    let count = Double(validRows * columns)
    var sums = LossSums(weight: count, count: count)
    forEachStretch { stretch, weight in
      var start = stretch.lowerBound
      @inline(__always) func terms(_ i: Int, _ lanes: Int) -> (Vector, Vector) {
        let x = E.load(x + (start &+ i), lanes: lanes)
        let target = Float.load(t + (start &+ i), lanes: lanes)
        return (loss.value(x, target), loss.hits(x, target) ?? .zero)
      }
      while start < stretch.upperBound {
        let end = min(start + Self.block, stretch.upperBound)
        let (value, correct) = sumsOfVectors(end - start, terms)
        sums.value += Double(weight) * Double(value)
        sums.correct += Double(correct)
        start = end
      }
    }
    return sums
  }

  private func backward<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ t: UnsafeMutablePointer<Float>, _ to: UnsafeMutablePointer<E>
  ) {
    forEachStretch { stretch, weight in
      let first = stretch.lowerBound
      @inline(__always) func write(_ i: Int, _ lanes: Int) {
        let slope = loss.slope(E.load(x + (first &+ i), lanes: lanes), Float.load(t + (first &+ i), lanes: lanes))
        E.store(weight * slope, to + (first &+ i), lanes: lanes)
      }
      forEachVector(stretch.count, write)
    }
  }
}
