import FoundationEssentials

/// The first difference between the records of two runs.
///
/// Records hold the values of every step, but rounded norms; two runs that agree here may differ in the last bits.
package struct RecordComparison: Sendable, Equatable {
  /// The first quantity that differs, in the order of computation.
  package enum Quantity: String, Sendable, CaseIterable {
    case loss
    case gradient
    case learningRate = "learning rate"
    case update
    case parameter
    /// One of the runs lacks the record.
    case absent
  }

  package struct Difference: Sendable, Equatable {
    package let step: Int
    package let quantity: Quantity
    /// Nil for a quantity of the whole step.
    package let tensor: String?
  }

  package private(set) var difference: Difference?
  /// The last step in both records.
  package private(set) var lastStep = 0
  /// The training loss of every step, for each run.
  package private(set) var losses: [[Int: Float]] = [[:], [:]]

  /// - Parameter requiresSameSteps: whether a step in only one of the records is a difference.
  package init(_ first: URL, _ second: URL, requiresSameSteps: Bool = false) throws(RecordsError) {
    var a = try Side(first)
    var b = try Side(second)
    try a.advance()
    try b.advance()
    // Both records are in order of their steps: the one behind advances.
    while a.record != nil || b.record != nil {
      let steps = (a.record?.step ?? Int.max, b.record?.step ?? Int.max)
      if steps.0 != steps.1, requiresSameSteps {
        note(Difference(step: min(steps.0, steps.1), quantity: .absent, tensor: nil))
      }
      if let one = a.record, let other = b.record, one.step == other.step {
        lastStep = one.step
        if let found = Self.compare(one, other, tensors: a.tensors) { note(found) }
      }
      if steps.0 <= steps.1 {
        keep(a.record, of: 0)
        try a.advance()
      }
      if steps.1 <= steps.0 {
        keep(b.record, of: 1)
        try b.advance()
      }
    }
  }

  private mutating func note(_ found: Difference) { if difference == nil { difference = found } }

  private mutating func keep(_ record: Side.Record?, of run: Int) {
    if let step = record?.scalars { losses[run][step.step] = step.loss }
  }

  private static func compare(_ a: Side.Record, _ b: Side.Record, tensors: [String]) -> Difference? {
    func found(_ quantity: Quantity, _ tensor: Int? = nil) -> Difference {
      let name = tensor.map { tensors.indices.contains($0) ? tensors[$0] : "tensor \($0)" }
      return Difference(step: a.step, quantity: quantity, tensor: name)
    }
    func differ(_ first: Float, _ second: Float) -> Bool { first.bitPattern != second.bitPattern }
    if let one = a.scalars, let other = b.scalars {
      if differ(one.loss, other.loss) { return found(.loss) }
    }
    if let one = a.norms?.tensors, let other = b.norms?.tensors {
      guard one.count == other.count else { return found(.absent) }
      // A backward pass computes the last layer's gradient first.
      if let tensor = one.indices.last(where: {
        differ(one[$0].gradientL2, other[$0].gradientL2) || differ(one[$0].gradientMax, other[$0].gradientMax)
          || one[$0].gradientNonfinite != other[$0].gradientNonfinite
      }) {
        return found(.gradient, tensor)
      }
    }
    if let one = a.scalars, let other = b.scalars {
      if differ(one.gradientNorm, other.gradientNorm) { return found(.gradient) }
      if one.learningRate != other.learningRate { return found(.learningRate) }
    }
    if let one = a.norms?.tensors, let other = b.norms?.tensors {
      if let tensor = one.indices.first(where: {
        differ(one[$0].updateL2, other[$0].updateL2) || differ(one[$0].updateMax, other[$0].updateMax)
      }) {
        return found(.update, tensor)
      }
      if let tensor = one.indices.first(where: {
        differ(one[$0].parameterL2, other[$0].parameterL2) || differ(one[$0].parameterMax, other[$0].parameterMax)
      }) {
        return found(.parameter, tensor)
      }
    }
    return nil
  }

  /// One run's records, step by step.
  private struct Side: ~Copyable {
    struct Record {
      let step: Int
      var scalars: StepRecord?
      var norms: NormsRecord?
    }

    private var reader: MetricsReader
    private var pending: MetricsLine?
    private(set) var record: Record?
    private(set) var tensors: [String] = []

    init(_ folder: URL) throws(RecordsError) { reader = try MetricsReader(folder: folder) }

    /// Gathers the lines of the next step.
    mutating func advance() throws(RecordsError) {
      record = nil
      while true {
        let line: MetricsLine?
        if let pending { line = pending } else { line = try reader.next() }
        pending = nil
        switch line {
        case nil: return
        case .run(let header): tensors = header.tensors.map(\.name)
        case .step(let scalars):
          if let record, record.step != scalars.step {
            pending = line
            return
          }
          record = Record(step: scalars.step, scalars: scalars, norms: record?.norms)
        case .norms(let norms):
          if let record, record.step != norms.step {
            pending = line
            return
          }
          record = Record(step: norms.step, scalars: record?.scalars, norms: norms)
        default: break
        }
      }
    }
  }
}
