import FoundationEssentials

/// Builds a run's log, record by record.
struct RunLogBuilder: Sendable {
  /// The most steps and evaluations of a followed run; curves have fewer points.
  static let followedRecords = 4_000
  /// The most events of a followed run.
  static let followedEvents = 400

  private var bare: RunLog
  private var steps: Thinned<StepRecord>
  private var validations: Thinned<ValidationRecord>
  private var norms = Thinned<NormsRecord>(limit: RunLog.keptRecords)
  private var activations = Thinned<ActivationsRecord>(limit: RunLog.keptRecords)
  private var window = LastRecords<NormsRecord>(limit: GradientFlow.window)
  private var events: LastRecords<EventRecord>
  private var stages: [StagesRecord] = []
  private let isBounded: Bool

  /// - Parameter isBounded: whether memory must not grow with the length of the run: then steps and evaluations are
  ///   thinned too, and the intervals of stages are added up.
  init(folder: URL, isBounded: Bool = false) {
    bare = RunLog(folder: folder, name: folder.standardizedFileURL.lastPathComponent)
    self.isBounded = isBounded
    steps = Thinned(limit: isBounded ? Self.followedRecords : .max)
    validations = Thinned(limit: isBounded ? Self.followedRecords : .max)
    events = LastRecords(limit: isBounded ? Self.followedEvents : .max)
  }

  mutating func add(_ line: MetricsLine) {
    switch line {
    case .run(let header) where bare.header == nil:
      bare.header = header
      bare.name = header.name
    case .run: bare.damagedLines += 1
    case .step(let record): steps.append(record)
    case .norms(let record) where record.tensors.count == bare.header?.tensors.count:
      norms.append(record)
      window.append(record)
    case .activations(let record) where record.layers.count == bare.header?.activationLayers.count:
      activations.append(record)
    case .norms, .activations: bare.damagedLines += 1
    case .validation(let record): validations.append(record)
    case .stages(let record): add(record)
    case .event(let record):
      if record.kind == .skippedSamples { bare.skippedSamples = record.text }
      events.append(record)
    case .verdict(_, let flow): bare.recordedVerdict = flow
    }
  }

  private mutating func add(_ record: StagesRecord) {
    guard isBounded else { return stages.append(record) }
    stages = [StagesRecord(step: record.step, stages: StagesRecord.totals(stages + [record]))]
  }

  /// The log so far, without the other files of the run folder.
  var log: RunLog {
    var log = bare
    log.steps = steps.all
    log.validations = validations.all
    log.norms = norms.all
    log.activations = activations.all
    log.lastNorms = window.all
    log.stages = stages
    log.events = events.all
    return log
  }
}
