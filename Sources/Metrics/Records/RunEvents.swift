import JSON

/// One evaluation of the model on a held-out split: kind `validation`.
package struct ValidationRecord: Sendable, Equatable {
  package var step = 0
  /// Name of the split: `validation`, `test`.
  package var split = ""
  /// Mean loss over `count` samples.
  package var loss: Float = 0
  /// Share (0...1) of right answers; nil for families without right answers.
  package var accuracy: Float?
  package var count = 0
  /// Share (0...1) of answers without a mistake; nil unless the model answers one sequence with another.
  package var exactMatch: Float?
  /// Mean squared error in equal ranges of time, from little noise to pure noise; nil unless the model denoises.
  package var noiseLevels: [Float]?
  /// True when the averaged (EMA) parameters were evaluated.
  package var isEMA = false

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

extension ValidationRecord: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("step", &step)
    coder.member("split", &split)
    coder.member("loss", &loss, digits: LineBuffer.exactDigits)
    coder.member(optional: "accuracy", &accuracy, digits: LineBuffer.exactDigits)
    coder.member("count", &count)
    coder.member(optional: "exact_match", &exactMatch, digits: LineBuffer.exactDigits)
    coder.member(optional: "noise_levels", &noiseLevels, digits: LineBuffer.normDigits)
    coder.member("is_ema", &isEMA)
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
  package var step = 0
  package var stages: [StageTime] = []

  package init(step: Int, stages: [StageTime]) {
    self.step = step
    self.stages = stages
  }
}

extension StagesRecord: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    var (names, busy, waiting) = (stages.map(\.name), stages.map(\.busy), stages.map(\.waiting))
    coder.member("step", &step)
    coder.member("names", &names)
    coder.member("busy", &busy, digits: LineBuffer.exactDigits)
    coder.member("waiting", &waiting, digits: LineBuffer.exactDigits)
    coder.require(names.count == busy.count && names.count == waiting.count, "names", "expected a time for each")
    stages = zip(names, zip(busy, waiting)).map { StageTime(name: $0, busy: $1.0, waiting: $1.1) }
  }

  private static let mostStages = 256

  /// The time of each stage over several intervals, in order of first appearance.
  package static func totals(_ intervals: some Sequence<StagesRecord>) -> [StageTime] {
    var totals: [StageTime] = []
    for stage in intervals.lazy.flatMap(\.stages) {
      if let place = totals.firstIndex(where: { $0.name == stage.name }) {
        totals[place].busy += stage.busy
        totals[place].waiting += stage.waiting
      } else if totals.count < mostStages {
        totals.append(stage)
      }
    }
    return totals
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
    /// Unreadable samples were left out of the run's data.
    case skippedSamples = "skipped_samples"
    case earlyStop = "early_stop"
    case stopped
    /// The run ended with an error.
    case failed
    case finished
    case note
  }

  package var step = 0
  package var kind = Kind.note
  package var text = ""

  package init(step: Int, kind: Kind, text: String) {
    self.step = step
    self.kind = kind
    self.text = text
  }
}

extension EventRecord: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("step", &step)
    var name = kind.rawValue
    coder.member("event", &name)
    // A kind of a later version is still worth showing.
    kind = Kind(rawValue: name) ?? .note
    coder.member("text", &text)
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

  /// The step of the line; nil for the header.
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
