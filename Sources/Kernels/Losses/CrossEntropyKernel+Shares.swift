import Foundation
import Tensors

// Targets that are shares of classes, as mixing samples makes them.
extension CrossEntropyKernel {
  /// - Parameters:
  ///   - logits: rows × classes, float32 or bfloat16.
  ///   - shares: rows × classes, float32: how much of each class a row is.
  ///   - validRows: rows from here on are padding and count nothing; their shares are not read.
  ///   - logSumExp: [rows] float32, written for `backward`.
  /// - Returns: every row weighs 1; `correct` counts rows whose first largest logit is that of their first largest
  ///   share.
  package func forward(
    _ logits: TensorSlice, shares: TensorSlice, validRows: Int, logSumExp: TensorSlice
  ) -> LossSums {
    check(logits, validRows, logSumExp)
    precondition(shares.count == logits.count && shares.type == .float32)
    return logits.type == .bfloat16
      ? forward(logits, shares, validRows, logSumExp, sharesAs: BFloat16.self)
      : forward(logits, shares, validRows, logSumExp, sharesAs: Float.self)
  }

  /// The gradient of the SUM of the losses: p[c]·Σ q̂[k] − q̂[c], with q̂ the smoothed and weighted shares; zero for
  /// padding.
  ///
  /// - Parameters:
  ///   - logSumExp: the result of `forward`.
  ///   - gradient: rows × classes, of the logits' type; may be `logits` itself.
  package func backward(
    _ logits: TensorSlice, shares: TensorSlice, validRows: Int, logSumExp: TensorSlice, into gradient: TensorSlice
  ) {
    check(logits, validRows, logSumExp, gradient)
    precondition(shares.count == logits.count && shares.type == .float32)
    if logits.type == .bfloat16 {
      backward(logits, shares, validRows, logSumExp, gradient, sharesAs: BFloat16.self)
    } else {
      backward(logits, shares, validRows, logSumExp, gradient, sharesAs: Float.self)
    }
    gradient.slice(validRows * classes..<rows * classes).zero()
  }

  private func forward<E: VectorElement>(
    _ logits: TensorSlice, _ shares: TensorSlice, _ validRows: Int, _ logSumExp: TensorSlice, sharesAs type: E.Type
  ) -> LossSums {
    let logSumExp = logSumExp.pointer(as: Float.self)
    var sums = LossSums()
    for row in 0..<validRows {
      let x = logits.pointer(as: E.self) + row * classes
      let q = shares.pointer(as: Float.self) + row * classes
      let largest = largest(x, classes)
      @inline(__always) func term(_ i: Int, _ lanes: Int) -> Vector {
        exponential(E.load(x + i, lanes: lanes) - largest)
      }
      let logarithm = Foundation.log(Double(sumOfVectors(classes, term)))
      logSumExp[row] = Float(Double(largest) + logarithm)
      @inline(__always) func terms(_ i: Int, _ lanes: Int) -> (Vector, Vector) {
        let weight = target(q, i, lanes)
        let gap = weight * (largest - E.load(x + i, lanes: lanes))
        // A class without a share costs nothing, however unlikely it is.
        return (gap.replacing(with: 0, where: weight .== Vector.zero), weight)
      }
      let (gaps, weight) = sumsOfVectors(classes, terms)
      let loss = Double(gaps) + Double(weight) * logarithm
      sums.value += loss
      sums.weight += 1
      sums.count += 1
      let likeliest = self.largest(q, classes)
      if !loss.isNaN, position(of: largest, in: x) == position(of: likeliest, in: q) { sums.correct += 1 }
    }
    return sums
  }

  private func backward<E: VectorElement>(
    _ logits: TensorSlice, _ shares: TensorSlice, _ validRows: Int, _ logSumExp: TensorSlice,
    _ gradient: TensorSlice, sharesAs type: E.Type
  ) {
    let logSumExp = logSumExp.pointer(as: Float.self)
    for row in 0..<validRows {
      let x = logits.pointer(as: E.self) + row * classes
      let q = shares.pointer(as: Float.self) + row * classes
      let to = gradient.pointer(as: E.self) + row * classes
      let shift = logSumExp[row]
      @inline(__always) func term(_ i: Int, _ lanes: Int) -> Vector { target(q, i, lanes) }
      let total = sumOfVectors(classes, term)
      @inline(__always) func write(_ i: Int, _ lanes: Int) {
        let slope = exponential(E.load(x + i, lanes: lanes) - shift) * total - target(q, i, lanes)
        E.store(slope, to + i, lanes: lanes)
      }
      forEachVector(classes, write)
    }
  }

  /// ((1 − s)·q[c] + s/C)·w[c] of the classes from `i` on.
  @inline(__always)
  private func target(_ shares: UnsafeMutablePointer<Float>, _ i: Int, _ lanes: Int) -> Vector {
    let q = Float.load(shares + i, lanes: lanes)
    let smoothed = Vector(repeating: labelSmoothing / Float(classes)).addingProduct(
      q, Vector(repeating: 1 - labelSmoothing))
    guard let weights = classWeights?.pointer(as: Float.self) else { return smoothed }
    return smoothed * Float.load(weights + i, lanes: lanes)
  }

  /// The first element that equals `value`; `classes` where none does.
  private func position<E: VectorElement>(of value: Float, in x: UnsafeMutablePointer<E>) -> Int {
    var i = 0
    while i < classes {
      let lanes = min(16, classes - i)
      let hits = E.load(x + i, lanes: lanes) .== Vector(repeating: value)
      for lane in 0..<lanes where hits[lane] { return i + lane }
      i += 16
    }
    return classes
  }
}
