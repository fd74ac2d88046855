extension CrossEntropyKernel {
  /// Adds up losses row by row, in the order of the rows, and judges every sequence when it ends.
  package struct Tally: Sendable {
    private let sequenceLength: Int
    private var sums = LossSums()
    /// The sums where the current sequence began.
    private var start = LossSums()

    init(sequenceLength: Int) { self.sequenceLength = sequenceLength }

    /// Begins a row, and with it perhaps a sequence.
    mutating func begin(_ row: Int) { if row % sequenceLength == 0 { close() } }

    mutating func add(_ loss: Double, weight: Double, isCorrect: Bool) {
      sums.value += loss
      sums.weight += weight
      sums.count += 1
      if isCorrect { sums.correct += 1 }
    }

    /// The sums, with the last sequence judged.
    package var closed: LossSums {
      var tally = self
      tally.close()
      return tally.sums
    }

    private mutating func close() {
      if sequenceLength > 1, sums.count > start.count {
        sums.sequences += 1
        if sums.correct - start.correct == sums.count - start.count { sums.exactSequences += 1 }
      }
      start = sums
    }
  }
}
