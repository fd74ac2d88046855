/// One evaluation of the model on a held-out split: kind `validation`.
package struct ValidationRecord: Sendable, Equatable {
  package var step: Int
  /// Name of the split: `validation`, `test`.
  package var split: String
  /// Mean loss over `count` samples.
  package var loss: Float
  /// Share (0...1) of right answers; nil for families that have none.
  package var accuracy: Float?
  package var count: Int
  /// Share (0...1) of answers without a mistake; nil for models that do not answer one sequence with another.
  package var exactMatch: Float?
  /// Mean squared error in equal ranges of time, from little noise to nothing but noise; nil for models that do not denoise.
  package var noiseLevels: [Float]?
  /// True when the averaged (EMA) parameters were evaluated.
  package var isEMA: Bool

  package init(
    step: Int, split: String, loss: Float, accuracy: Float?, count: Int, exactMatch: Float? = nil,
    noiseLevels: [Float]? = nil, isEMA: Bool = false
  ) {
    self.step = step
    self.split = split
    self.loss = loss
    self.accuracy = accuracy
    self.count = count
    self.exactMatch = exactMatch
    self.noiseLevels = noiseLevels
    self.isEMA = isEMA
  }
}

/// Time of one pipeline stage since the previous `stages` line, in seconds.
package struct StageTime: Sendable, Equatable {
  /// `loader`, `lane 0`, …, `optimizer`, `writer`, `recorder`.
  package var name: String
  package var busy: Double
  package var waiting: Double

  package init(name: String, busy: Double, waiting: Double) {
    self.name = name
    self.busy = busy
    self.waiting = waiting
  }
}

/// Stage accounting of one interval: kind `stages`. Intervals, not totals, so that a resumed run adds up.
package struct StagesRecord: Sendable, Equatable {
  package var step: Int
  package var stages: [StageTime]

  package init(step: Int, stages: [StageTime]) {
    self.step = step
    self.stages = stages
  }
}

/// Something worth a line in the run's history: kind `event`.
package struct EventRecord: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    case resumed
    case checkpoint
    case fallback
    case skippedNonfinite = "skipped_nonfinite"
    case rolledBack = "rolled_back"
    /// Samples that cannot be read are not in the run's data.
    case skippedSamples = "skipped_samples"
    case earlyStop = "early_stop"
    case stopped
    /// The run ended because it could not go on.
    case failed
    case finished
    case note
  }

  package var step: Int
  package var kind: Kind
  package var text: String

  package init(step: Int, kind: Kind, text: String) {
    self.step = step
    self.kind = kind
    self.text = text
  }
}

/// A line of `metrics.jsonl`, decoded.
package enum MetricsLine: Sendable, Equatable {
  case run(RunHeader)
  case step(StepRecord)
  case norms(NormsRecord)
  case activations(ActivationsRecord)
  case validation(ValidationRecord)
  case stages(StagesRecord)
  case event(EventRecord)
  case verdict(step: Int, GradientFlow)

  /// The step the line belongs to; nil for the header, which belongs to all.
  package var step: Int? {
    switch self {
    case .run: nil
    case .step(let record): record.step
    case .norms(let record): record.step
    case .activations(let record): record.step
    case .validation(let record): record.step
    case .stages(let record): record.step
    case .event(let record): record.step
    case .verdict(let step, _): step
    }
  }
}
