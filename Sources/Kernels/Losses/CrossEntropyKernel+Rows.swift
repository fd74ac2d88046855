import Foundation
import Tensors

extension CrossEntropyKernel {
  func forward<E: VectorElement>(
    _ logits: TensorSlice, _ targets: TensorSlice, _ validRows: Int, _ logSumExp: TensorSlice, as type: E.Type
  ) -> LossSums {
    let x = logits.pointer(as: E.self)
    let targets = targets.pointer(as: Int32.self)
    let logSumExp = logSumExp.pointer(as: Float.self)
    let weights = classWeights?.pointer(as: Float.self)
    let smoothing = Double(labelSmoothing)
    let totalWeight = totalClassWeight
    var tally = Tally(sequenceLength: sequenceLength)
    for row in 0..<validRows {
      tally.begin(row)
      guard let target = target(targets, row) else {
        logSumExp[row] = 0
        continue
      }
      let x = x + row * classes
      let largest = largest(x, classes)
      @inline(__always) func term(_ i: Int, _ lanes: Int) -> Vector {
        exponential(E.load(x + i, lanes: lanes) - largest)
      }
      let sum = sumOfVectors(classes, term)
      let logarithm = Foundation.log(Double(sum))
      logSumExp[row] = Float(Double(largest) + logarithm)
      let chosen = E.load(x + target, lanes: 1)[0]
      let weight = Double(weights?[target] ?? 1)
      var loss = (1 - smoothing) * weight * (Double(largest - chosen) + logarithm)
      if smoothing > 0 {
        @inline(__always) func gap(_ i: Int, _ lanes: Int) -> Vector {
          let gap = largest - E.load(x + i, lanes: lanes)
          return if let weights { gap * Float.load(weights + i, lanes: lanes) } else { gap }
        }
        let gaps = sumOfVectors(classes, gap)
        loss += smoothing / Double(classes) * (Double(gaps) + totalWeight * logarithm)
      }
      // Only a target that shares the largest logit needs the search for an earlier one.
      let isCorrect = chosen == largest && !loss.isNaN && !holds(largest, x, before: target)
      tally.add(loss, weight: weight, isCorrect: isCorrect)
    }
    return tally.closed
  }

  func backward<E: VectorElement>(
    _ logits: TensorSlice, _ targets: TensorSlice, _ validRows: Int, _ logSumExp: TensorSlice,
    _ gradient: TensorSlice, as type: E.Type
  ) {
    let targets = targets.pointer(as: Int32.self)
    let logSumExp = logSumExp.pointer(as: Float.self)
    let totalWeight = Float(totalClassWeight)
    for row in 0..<validRows {
      let x = logits.pointer(as: E.self) + row * classes
      let to = gradient.pointer(as: E.self) + row * classes
      guard let target = target(targets, row) else {
        gradient.slice(row * classes..<(row + 1) * classes).zero()
        continue
      }
      writeSlopes(x, to, 0..<classes, target: target, logSumExp: logSumExp[row], totalWeight: totalWeight)
    }
  }

  /// The gradient of a row's loss in some of its classes.
  ///
  /// - Parameters:
  ///   - x: the logits of these classes.
  ///   - to: the gradient; may be `x`.
  @inline(__always)
  func writeSlopes<E: VectorElement>(
    _ x: UnsafeMutablePointer<E>, _ to: UnsafeMutablePointer<E>, _ range: Range<Int>, target: Int,
    logSumExp shift: Float, totalWeight: Float
  ) {
    let weights = classWeights?.pointer(as: Float.self)
    let uniform = labelSmoothing / Float(classes)
    let targetWeight = weights?[target] ?? 1
    let hit = (1 - labelSmoothing) * targetWeight
    let factor = hit + uniform * totalWeight
    let place = range.contains(target) ? target - range.lowerBound : nil
    let chosen = place.map { exponential(E.load(x + $0, lanes: 1) - shift) * factor - hit }
    let rangeWeights = weights.map { $0 + range.lowerBound }
    @inline(__always) func write(_ i: Int, _ lanes: Int) {
      var slope = exponential(E.load(x + i, lanes: lanes) - shift) * factor
      if labelSmoothing > 0 {
        slope -= rangeWeights.map { Float.load($0 + i, lanes: lanes) * uniform } ?? Vector(repeating: uniform)
      }
      E.store(slope, to + i, lanes: lanes)
    }
    forEachVector(range.count, write)
    if let place, let chosen { E.store(chosen - uniform * targetWeight, to + place, lanes: 1) }
  }

  /// Σ of the class weights, which label smoothing spreads over.
  var totalClassWeight: Double {
    guard let weights = classWeights?.pointer(as: Float.self), labelSmoothing > 0 else { return Double(classes) }
    var sum = 0.0
    for i in 0..<classes { sum += Double(weights[i]) }
    return sum
  }

  /// The class of a row; nil for one that is ignored.
  @inline(__always)
  func target(_ targets: UnsafeMutablePointer<Int32>, _ row: Int) -> Int? {
    let target = Int(targets[row])
    precondition(target < classes, "target \(target) of row \(row) is not below \(classes) classes")
    return target < 0 ? nil : target
  }

  /// The largest of `count` elements, NaN aside.
  @inline(__always)
  func largest<E: VectorElement>(_ x: UnsafeMutablePointer<E>, _ count: Int) -> Float {
    let lowest = Vector(repeating: -.infinity)
    var (a, b, c, d) = (lowest, lowest, lowest, lowest)
    var i = 0
    while i + 64 <= count {
      a = a.max(E.load(x + i))
      b = b.max(E.load(x + (i + 16)))
      c = c.max(E.load(x + (i + 32)))
      d = d.max(E.load(x + (i + 48)))
      i += 64
    }
    while i + 16 <= count {
      a = a.max(E.load(x + i))
      i += 16
    }
    if i < count { b = b.max(E.load(x + i, first: count - i).keepingFirst(count - i, otherwise: -.infinity)) }
    return a.max(b).max(c.max(d)).largest
  }

  /// Whether an element before `end` equals `value`.
  @inline(__always)
  func holds<E: VectorElement>(_ value: Float, _ x: UnsafeMutablePointer<E>, before end: Int) -> Bool {
    let hits = sumOfVectors(end) { i, lanes in
      Vector.zero.replacing(with: 1, where: E.load(x + i, lanes: lanes) .== Vector(repeating: value))
    }
    return hits > 0
  }
}
