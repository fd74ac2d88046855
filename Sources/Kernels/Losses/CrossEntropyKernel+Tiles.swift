import Foundation
import Tensors

// Logits that are never in memory as a whole: a tile is some rows and some of their classes, float32. A row's
// log-sum-exp is updated with each of its tiles (Milakov and Gimelshein 2018).
extension CrossEntropyKernel {
  /// The state of a row after some of its classes have been read.
  private struct RowState: BitwiseCopyable {
    var largest = -Float.infinity
    /// Σ exp(x − largest).
    var sum = 0.0
    /// A logit near the largest, from which `gaps` is measured, so that logits far from 0 lose no digits.
    var reference: Float = 0
    /// Σ w·(reference − x); only where labels are smoothed.
    var gaps = 0.0
    /// The logit of the target.
    var chosen: Float = 0
    /// Whether the first of the largest logits is the target's.
    var targetLeads = false
  }

  /// Bytes of the memory in which a row's classes are summed up.
  package static var rowStateByteCount: Int { MemoryLayout<RowState>.stride }

  /// The start of a pass over all rows.
  package func tally() -> Tally { Tally(sequenceLength: sequenceLength) }

  /// Adds a tile of logits to the states of its rows.
  ///
  /// - Parameters:
  ///   - logits: `rows.count` × `range.count` float32.
  ///   - rows: of the tile; those from `validRows` on are ignored.
  ///   - range: classes of the tile; for the same rows they must come in order, from 0 to the last.
  ///   - targets: of all rows.
  ///   - states: `rowStateByteCount` bytes for each of the tile's rows, aligned to 8 bytes.
  package func read(
    _ logits: TensorSlice, rows: Range<Int>, classes range: Range<Int>, targets: TensorSlice, validRows: Int,
    states: TensorSlice
  ) {
    check(logits, rows, range, targets)
    let (x, targets) = (logits.pointer(as: Float.self), targets.pointer(as: Int32.self))
    let states = self.states(states, rows)
    for row in rows.lowerBound..<max(rows.lowerBound, min(rows.upperBound, validRows)) {
      let i = row - rows.lowerBound
      if range.lowerBound == 0 { states[i] = RowState() }
      if let target = target(targets, row) { read(x + i * range.count, range, target: target, into: &states[i]) }
    }
  }

  private func read(
    _ x: UnsafeMutablePointer<Float>, _ range: Range<Int>, target: Int, into state: inout RowState
  ) {
    let tileLargest = largest(x, range.count)
    let largest = max(state.largest, tileLargest)
    // While all logits are −∞, any shift will do.
    let shift = largest == -.infinity ? 0 : largest
    @inline(__always) func term(_ i: Int, _ lanes: Int) -> Vector {
      exponential(Float.load(x + i, lanes: lanes) - shift)
    }
    let sum = Double(sumOfVectors(range.count, term))
    state.sum = sum + (state.largest < largest ? state.sum * exp(Double(state.largest - shift)) : state.sum)
    if range.contains(target) { state.chosen = x[target - range.lowerBound] }
    if tileLargest > state.largest || range.lowerBound == 0 {
      let place = target - range.lowerBound
      state.targetLeads =
        range.contains(target) && x[place] == tileLargest && !holds(tileLargest, x, before: place)
    }
    state.largest = largest
    guard labelSmoothing > 0 else { return }
    if range.lowerBound == 0 { state.reference = shift }
    let weights = classWeights.map { $0.pointer(as: Float.self) + range.lowerBound }
    let reference = state.reference
    @inline(__always) func gap(_ i: Int, _ lanes: Int) -> Vector {
      let gap = reference - Float.load(x + i, lanes: lanes)
      return if let weights { gap * Float.load(weights + i, lanes: lanes) } else { gap }
    }
    state.gaps += Double(sumOfVectors(range.count, gap))
  }

  /// Ends rows of which all tiles have been read.
  ///
  /// - Parameters:
  ///   - rows: those of the tiles; they must come in order.
  ///   - states: those that `read` updated.
  ///   - logSumExp: of all rows, [rows] float32; written for `backward`.
  package func finish(
    rows range: Range<Int>, targets: TensorSlice, validRows: Int, states: TensorSlice, logSumExp: TensorSlice,
    tally: inout Tally
  ) {
    precondition(range.upperBound <= rows && logSumExp.count == rows && logSumExp.type == .float32)
    let (targets, states) = (targets.pointer(as: Int32.self), self.states(states, range))
    let (logSumExp, weights) = (logSumExp.pointer(as: Float.self), classWeights?.pointer(as: Float.self))
    let smoothing = Double(labelSmoothing)
    let totalWeight = totalClassWeight
    for row in range.lowerBound..<max(range.lowerBound, min(range.upperBound, validRows)) {
      tally.begin(row)
      guard let target = target(targets, row) else {
        logSumExp[row] = 0
        continue
      }
      let state = states[row - range.lowerBound]
      let logarithm = log(state.sum)
      let total = Double(state.largest) + logarithm
      logSumExp[row] = Float(total)
      let weight = Double(weights?[target] ?? 1)
      var loss = (1 - smoothing) * weight * (Double(state.largest - state.chosen) + logarithm)
      if smoothing > 0 {
        loss += smoothing / Double(classes) * (state.gaps + totalWeight * (total - Double(state.reference)))
      }
      tally.add(loss, weight: weight, isCorrect: state.targetLeads && !loss.isNaN)
    }
  }

  /// Turns a tile of logits into the gradient of the SUM of the losses; zero for padding and ignored rows.
  ///
  /// - Parameter logSumExp: the result of `finish`.
  package func backward(
    _ logits: TensorSlice, rows: Range<Int>, classes range: Range<Int>, targets: TensorSlice, validRows: Int,
    logSumExp: TensorSlice
  ) {
    check(logits, rows, range, targets)
    precondition(logSumExp.count == self.rows && logSumExp.type == .float32)
    let (targets, logSumExp) = (targets.pointer(as: Int32.self), logSumExp.pointer(as: Float.self))
    let totalWeight = Float(totalClassWeight)
    for row in rows {
      let slice = logits.slice((row - rows.lowerBound) * range.count..<(row - rows.lowerBound + 1) * range.count)
      guard row < validRows, let target = target(targets, row) else {
        slice.zero()
        continue
      }
      let x = slice.pointer(as: Float.self)
      writeSlopes(x, x, range, target: target, logSumExp: logSumExp[row], totalWeight: totalWeight)
    }
  }

  private func check(_ logits: TensorSlice, _ rows: Range<Int>, _ range: Range<Int>, _ targets: TensorSlice) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows)
    precondition(range.lowerBound >= 0 && range.upperBound <= classes)
    precondition(logits.count == rows.count * range.count && logits.type == .float32)
    precondition(targets.count == self.rows && targets.type == .int32)
  }

  private func states(_ memory: TensorSlice, _ rows: Range<Int>) -> UnsafeMutablePointer<RowState> {
    precondition(memory.byteCount >= rows.count * Self.rowStateByteCount)
    return memory.address.bindMemory(to: RowState.self, capacity: rows.count)
  }
}
