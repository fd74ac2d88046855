import Arenas
import Foundation

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
    var sums = LossSums()
    // The sums where the current sequence began.
    var begin = sums
    for row in 0..<validRows {
      if row % sequenceLength == 0 { (sums, begin) = closing(sums, since: begin) }
      guard let target = target(targets, row) else {
        logSumExp[row] = 0
        continue
      }
      let x = x + row * classes
      let largest = largest(x)
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
      sums.value += loss
      sums.weight += weight
      sums.count += 1
      // Only a target that shares the largest logit needs the search for an earlier one.
      if chosen == largest, !loss.isNaN, !holds(largest, x, before: target) { sums.correct += 1 }
    }
    return closing(sums, since: begin).sums
  }

  /// Judges the sequence that ends here.
  private func closing(_ sums: LossSums, since begin: LossSums) -> (sums: LossSums, begin: LossSums) {
    guard sequenceLength > 1, sums.count > begin.count else { return (sums, sums) }
    var sums = sums
    sums.sequences += 1
    if sums.correct - begin.correct == sums.count - begin.count { sums.exactSequences += 1 }
    return (sums, sums)
  }

  func backward<E: VectorElement>(
    _ logits: TensorSlice, _ targets: TensorSlice, _ validRows: Int, _ logSumExp: TensorSlice,
    _ gradient: TensorSlice, as type: E.Type
  ) {
    let targets = targets.pointer(as: Int32.self)
    let logSumExp = logSumExp.pointer(as: Float.self)
    let weights = classWeights?.pointer(as: Float.self)
    let uniform = labelSmoothing / Float(classes)
    let totalWeight = Float(totalClassWeight)
    for row in 0..<validRows {
      let x = logits.pointer(as: E.self) + row * classes
      let to = gradient.pointer(as: E.self) + row * classes
      guard let target = target(targets, row) else {
        gradient.slice(row * classes..<(row + 1) * classes).zero()
        continue
      }
      let shift = logSumExp[row]
      let hit = (1 - labelSmoothing) * (weights?[target] ?? 1)
      let factor = hit + uniform * totalWeight
      let chosen = exponential(E.load(x + target, lanes: 1) - shift) * factor - hit
      @inline(__always) func write(_ i: Int, _ lanes: Int) {
        var slope = exponential(E.load(x + i, lanes: lanes) - shift) * factor
        if labelSmoothing > 0 {
          slope -= weights.map { Float.load($0 + i, lanes: lanes) * uniform } ?? Vector(repeating: uniform)
        }
        E.store(slope, to + i, lanes: lanes)
      }
      forEachVector(classes, write)
      E.store(chosen - uniform * (weights?[target] ?? 1), to + target, lanes: 1)
    }
  }

  private var totalClassWeight: Double {
    guard let weights = classWeights?.pointer(as: Float.self), labelSmoothing > 0 else { return Double(classes) }
    var sum = 0.0
    for i in 0..<classes { sum += Double(weights[i]) }
    return sum
  }

  @inline(__always)
  private func target(_ targets: UnsafeMutablePointer<Int32>, _ row: Int) -> Int? {
    let target = Int(targets[row])
    precondition(target < classes, "target \(target) of row \(row) is not below \(classes) classes")
    return target < 0 ? nil : target
  }

  /// The largest of a row, NaN aside.
  @inline(__always)
  func largest<E: VectorElement>(_ x: UnsafeMutablePointer<E>) -> Float {
    let lowest = Vector(repeating: -.infinity)
    var (a, b, c, d) = (lowest, lowest, lowest, lowest)
    var i = 0
    while i + 64 <= classes {
      a = a.max(E.load(x + i))
      b = b.max(E.load(x + (i + 16)))
      c = c.max(E.load(x + (i + 32)))
      d = d.max(E.load(x + (i + 48)))
      i += 64
    }
    while i + 16 <= classes {
      a = a.max(E.load(x + i))
      i += 16
    }
    if i < classes { b = b.max(E.load(x + i, first: classes - i).keepingFirst(classes - i, otherwise: -.infinity)) }
    return a.max(b).max(c.max(d)).largest
  }

  /// Whether an element before `end` equals `value`.
  @inline(__always)
  private func holds<E: VectorElement>(_ value: Float, _ x: UnsafeMutablePointer<E>, before end: Int) -> Bool {
    let hits = sumOfVectors(end) { i, lanes in
      Vector.zero.replacing(with: 1, where: E.load(x + i, lanes: lanes) .== Vector(repeating: value))
    }
    return hits > 0
  }
}
