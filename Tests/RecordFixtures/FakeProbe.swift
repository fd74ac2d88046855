import Metrics

extension ProbeRecord {
  /// The probe of a model whose gradients fade by a fixed factor per token.
  package static func fake(of run: String, position: String? = nil, length: Int = 64, decay: Double = 0.99)
    -> ProbeRecord
  {
    var probe = ProbeRecord(run: run, step: 600, trainingLength: length, position: position)
    probe.stepTimes = StepTimes(
      precision: "float32", lanes: 2,
      points: (0..<5).map { .init(length: 64 << $0, rows: 64 >> $0, milliseconds: 40.5 + Double(1 << $0)) })
    var size = 1.0
    probe.reach = Reach(
      windows: 64,
      norms: [1.0]
        + (1..<length).map { _ in
          size *= decay
          return size
        })
    probe.lengths = [1, 2, 4].map { factor in
      position == "learned" && factor > 1
        ? LengthLoss(factor: factor, places: length)
        : LengthLoss(
          factor: factor, tokens: 1000, loss: 1.75 + Double(factor) / 8, lossBeyond: factor > 1 ? 2.5 : nil)
    }
    return probe
  }
}
