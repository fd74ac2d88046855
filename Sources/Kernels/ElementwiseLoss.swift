import Arenas

/// A loss of each element of a prediction against the same element of a target, summed over all.
package struct ElementwiseLossKernel: Sendable {
  package enum Function: Sendable {
    /// (x − t)².
    case squaredError
    /// Binary cross-entropy of σ(x) with targets in [0, 1]: −t·ln σ(x) − (1 − t)·ln(1 − σ(x)), without overflow for any x.
    case binaryCrossEntropy
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
  ///   - validRows: rows from here on are padding and count nothing.
  /// - Returns: weight and count are the number of elements in valid rows. Of binary cross-entropy an element is correct
  ///   when σ(x) and the target lie on the same side of ½ (½ itself belongs to the lower side), of squared errors none is.
  package func forward(_ x: TensorSlice, targets: TensorSlice, validRows: Int) -> LossSums {
    switch function {
    case .squaredError: pass(SquaredError.self, validRows).forward(x, targets)
    case .binaryCrossEntropy: pass(BinaryCrossEntropy.self, validRows).forward(x, targets)
    }
  }

  /// The gradient of the SUM of the losses, 2·(x − t) or σ(x) − t; zero for padding.
  ///
  /// - Parameter gradient: rows × columns, of x's type; may be `x` itself.
  package func backward(_ x: TensorSlice, targets: TensorSlice, validRows: Int, into gradient: TensorSlice) {
    switch function {
    case .squaredError: pass(SquaredError.self, validRows).backward(x, targets, gradient)
    case .binaryCrossEntropy: pass(BinaryCrossEntropy.self, validRows).backward(x, targets, gradient)
    }
  }

  private func pass<Loss: PointwiseLoss>(_ loss: Loss.Type, _ validRows: Int) -> ElementwiseLossPass<Loss> {
    ElementwiseLossPass(rows: rows, columns: columns, validRows: validRows)
  }
}

private protocol PointwiseLoss {
  static func value(_ x: Vector, _ target: Vector) -> Vector
  static func slope(_ x: Vector, _ target: Vector) -> Vector
  /// 1 where the prediction hits, 0 elsewhere; nil where a hit has no meaning.
  static func hits(_ x: Vector, _ target: Vector) -> Vector?
}

private enum SquaredError: PointwiseLoss {
  @inline(__always) static func value(_ x: Vector, _ target: Vector) -> Vector { (x - target) * (x - target) }
  @inline(__always) static func slope(_ x: Vector, _ target: Vector) -> Vector { 2 * (x - target) }
  @inline(__always) static func hits(_ x: Vector, _ target: Vector) -> Vector? { nil }
}

private enum BinaryCrossEntropy: PointwiseLoss {
  @inline(__always) static func value(_ x: Vector, _ target: Vector) -> Vector {
    let positive = x.max(.zero).keepingNaN(of: x)
    return positive.addingProduct(-x, target) + logarithmOfOnePlus(exponential(-x.magnitude))
  }
  @inline(__always) static func slope(_ x: Vector, _ target: Vector) -> Vector { logistic(x) - target }
  @inline(__always) static func hits(_ x: Vector, _ target: Vector) -> Vector? {
    let agree = (x .> Vector.zero) .^ (target .<= Vector(repeating: 0.5))
    return Vector.zero.replacing(with: 1, where: agree .& (x .== x))
  }
}

private struct ElementwiseLossPass<Loss: PointwiseLoss> {
  let rows: Int
  let columns: Int
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
    let count = validRows * columns
    let t = targets.pointer(as: Float.self)
    if x.type == .bfloat16 {
      backward(count, x.pointer(as: BFloat16.self), t, gradient.pointer(as: BFloat16.self))
    } else {
      backward(count, x.pointer(as: Float.self), t, gradient.pointer(as: Float.self))
    }
    gradient.slice(count..<gradient.count).zero()
  }

  private func check(_ x: TensorSlice, _ targets: TensorSlice) {
    precondition(x.count == rows * columns && x.type != .int32)
    precondition(targets.count == x.count && targets.type == .float32)
    precondition(validRows >= 0 && validRows <= rows)
  }

  private func forward<E: VectorElement>(_ x: UnsafeMutablePointer<E>, _ targets: TensorSlice) -> LossSums {
    let t = targets.pointer(as: Float.self)
    let count = validRows * columns
    var sums = LossSums(weight: Double(count), count: Double(count))
    var start = 0
    @inline(__always) func terms(_ i: Int, _ lanes: Int) -> (Vector, Vector) {
      let x = E.load(x + (start &+ i), lanes: lanes)
      let target = Float.load(t + (start &+ i), lanes: lanes)
      return (Loss.value(x, target), Loss.hits(x, target) ?? .zero)
    }
    while start < count {
      let end = min(start + Self.block, count)
      let (value, correct) = sumsOfVectors(end - start, terms)
      sums.value += Double(value)
      sums.correct += Double(correct)
      start = end
    }
    return sums
  }

  private func backward<E: VectorElement>(
    _ count: Int, _ x: UnsafeMutablePointer<E>, _ t: UnsafeMutablePointer<Float>, _ to: UnsafeMutablePointer<E>
  ) {
    @inline(__always) func write(_ i: Int, _ lanes: Int) {
      E.store(Loss.slope(E.load(x + i, lanes: lanes), Float.load(t + i, lanes: lanes)), to + i, lanes: lanes)
    }
    forEachVector(count, write)
  }
}
