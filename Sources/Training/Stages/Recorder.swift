import Files
import Formats
import Foundation
import Kernels
import Metrics
import Runs
import Synchronization
import Tensors

/// One step's numbers on their way to the recorder; recycled, so that a step allocates nothing.
// Sendable because it is noncopyable: only its holder uses the arrays.
struct StepReport: ~Copyable, @unchecked Sendable {
  var record = StepRecord(
    step: 0, epoch: 0, loss: 0, learningRate: 0, gradientNorm: 0, clipScale: 1, samplesPerSecond: 0,
    stepMilliseconds: 0)
  var hasNorms = false
  let norms: SharedArray<TensorNorms>
  var hasActivations = false
  let activations: SharedArray<Metrics.ActivationStatistics>

  init(tensors: Int, layers: Int) {
    norms = SharedArray(repeating: TensorNorms(), count: tensors)
    activations = SharedArray(repeating: Metrics.ActivationStatistics(), count: layers)
  }
}

/// A message to the recorder.
enum RecorderItem: ~Copyable, Sendable {
  case step(StepReport)
  case validation(ValidationRecord)
  case event(EventRecord)
  case samples(SampleDrawing)
}

/// A progress message of a run, for a terminal or a program.
package enum RunProgress: Sendable {
  case step(StepRecord, totalSteps: Int)
  case validation(ValidationRecord)
  case event(EventRecord)
}

/// Writes the measurements of the other stages to metrics.jsonl and TensorBoard, and reports progress.
package actor Recorder {
  private nonisolated let thread: StageThread
  private let folder: URL?
  private let totalSteps: Int
  /// Events of a new run before its first step.
  private let beginning: [EventRecord]
  private let clocks: [StageClock]
  private let clock: StageClock
  private let progress: @Sendable (RunProgress) -> Void
  private var metrics: MetricsWriter?
  private var events: TensorBoardWriter?
  /// The step of a validation that TensorBoard has from an earlier session.
  private var shownValidation: Int?
  /// Kept, so that a step allocates nothing.
  private var scalars: [(tag: String, value: Float)] = [("loss/train", 0), ("learning_rate", 0), ("gradient_norm", 0)]
  private var lastStages = StageClock.now
  private var lastStep = 0
  private nonisolated let failure = Mutex<RecordsError?>(nil)
  nonisolated let items = HandoffQueue<RecorderItem>(
    capacity: Recorder.capacity, wakesReceiverAt: Recorder.reportCount / 2)
  nonisolated let freeReports = HandoffQueue<StepReport>(capacity: Recorder.reportCount)

  /// The most steps that wait to be written; then the run waits for the recorder.
  static let reportCount = 16
  private static let capacity = 64
  private static let stagesInterval: UInt64 = 5_000_000_000

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// - Parameters:
  ///   - folder: nil to report progress only, as in a benchmark.
  ///   - clocks: of the stages whose time is recorded.
  init(
    thread: StageThread, folder: URL?, totalSteps: Int, beginning: [EventRecord] = [], clocks: [StageClock],
    clock: StageClock, tensors: Int, layers: Int, progress: @escaping @Sendable (RunProgress) -> Void
  ) {
    self.thread = thread
    self.folder = folder
    self.totalSteps = totalSteps
    self.beginning = beginning
    self.clocks = clocks
    self.clock = clock
    self.progress = progress
    for _ in 0..<Self.reportCount { freeReports.send(StepReport(tensors: tensors, layers: layers)) }
  }

  /// Opens new records, or those of a run that resumes from `state`.
  func open(resumeAt state: RunState?, header: RunHeader) throws(RecordsError) {
    guard let folder else { return }
    let step = state?.step
    // An evaluation after the one in the state is made and recorded again.
    let metrics = try MetricsWriter(folder: folder, resumeAt: step, validatedStep: state?.evaluatedStep ?? 0)
    if metrics.needsHeader {
      try metrics.run(header)
      for event in beginning { try metrics.event(event) }
    }
    self.metrics = metrics
    // TensorBoard drops its data from this step on, the next one of the run.
    events = try TensorBoardWriter(folder: folder, resumeAt: step.map { $0 + 1 })
    shownValidation = metrics.hasDroppedValidation ? step : nil
    lastStep = step ?? 0
  }

  /// Rewinds the records to `state`.
  func rewind(to state: RunState, header: RunHeader) throws(RecordsError) {
    drain()
    try metrics?.flush()
    metrics = nil
    events = nil
    try open(resumeAt: state, header: header)
  }

  /// The first error of writing records.
  nonisolated var firstFailure: RecordsError? { failure.withLock { $0 } }

  func run() async {
    clock.worked()
    while await items.waitForItem() {
      clock.waited()
      drain()
      clock.worked()
    }
  }

  /// Returns once all items sent so far are on the disk.
  func synchronize() {
    drain()
    attempt { () throws(RecordsError) in
      try metrics?.synchronize()
      try events?.flush()
    }
  }

  /// Writes the settings of a new run for TensorBoard.
  func describe(_ configuration: RunConfiguration) {
    attempt { () throws(RecordsError) in try events?.settings(configuration.resolved, group: nil) }
  }

  /// Writes histograms of every parameter and its gradient for TensorBoard, while the lanes wait.
  func writeHistograms(of model: RunModel, step: Int) {
    attempt { () throws(RecordsError) in
      for (entry, group) in zip(model.table.entries, model.plan.groups) {
        let parameter = model.table.slice(entry, in: model.state.parameters)
        try events?.histogram("parameters/\(entry.name)", parameter.floats, step: step)
        guard !group.isFrozen else { continue }
        let gradient = model.table.slice(entry, in: model.reduction.arenas[0])
        try events?.histogram("gradients/\(entry.name)", gradient.floats, step: step)
      }
    }
  }

  /// Writes the outcome and the verdict on the gradient flow.
  func finish(_ outcome: EventRecord) {
    drain()
    handle(outcome)
    guard let folder else { return }
    writeStages(force: true)
    attempt { () throws(RecordsError) in
      switch outcome.kind {
      case .finished, .earlyStop: try events?.sessionEnds(.success)
      case .failed: try events?.sessionEnds(.failure)
      default: break
      }
    }
    synchronize()
    attempt { () throws(RecordsError) in
      let flow = try RunLog.read(folder: folder).gradientFlow
      try metrics?.verdict(step: lastStep, flow)
      try metrics?.synchronize()
    }
  }

  private func drain() {
    while let item = items.poll() {
      switch consume item {
      case .step(let report): handle(report)
      case .validation(let record): handle(record)
      case .event(let record): handle(record)
      case .samples(let drawing): handle(drawing)
      }
    }
    writeStages(force: false)
  }

  private func handle(_ report: consuming StepReport) {
    let record = report.record
    lastStep = record.step
    attempt { () throws(RecordsError) in
      try metrics?.step(record)
      if report.hasNorms { try metrics?.norms(step: record.step, report.norms.span) }
      if report.hasActivations { try metrics?.activations(step: record.step, report.activations.span) }
      scalars[0].value = record.loss
      scalars[1].value = Float(record.learningRate)
      scalars[2].value = record.gradientNorm
      try events?.scalars(scalars, step: record.step)
    }
    freeReports.send(report)
    progress(.step(record, totalSteps: totalSteps))
  }

  private func handle(_ record: ValidationRecord) {
    attempt { () throws(RecordsError) in
      try metrics?.validation(record)
      guard record.step != shownValidation else { return }
      try events?.scalar("loss/\(record.split)", record.loss, step: record.step)
      if let accuracy = record.accuracy { try events?.scalar("accuracy/\(record.split)", accuracy, step: record.step) }
    }
    progress(.validation(record))
  }

  private func handle(_ record: EventRecord) {
    attempt { () throws(RecordsError) in try metrics?.event(record) }
    progress(.event(record))
  }

  private func handle(_ drawing: SampleDrawing) {
    guard let folder else { return }
    let grid = drawing.grid
    attempt { () throws(RecordsError) in
      let png: [UInt8]
      do throws(ImageError) {
        png = try grid.png()
      } catch {
        throw .file(FileError(folder.path, "draw the samples of step \(drawing.step) in", reason: "\(error)"))
      }
      try SampleGrids.write(png, step: drawing.step, to: folder)
      try events?.image(
        "samples", png: png, height: grid.height, width: grid.width, channels: grid.channels, step: drawing.step)
    }
  }

  private func writeStages(force: Bool) {
    guard metrics != nil, force || StageClock.now &- lastStages > Self.stagesInterval else { return }
    lastStages = StageClock.now
    let times = clocks.map { $0.take() }
    attempt { () throws(RecordsError) in try metrics?.stages(StagesRecord(step: lastStep, stages: times)) }
  }

  /// Keeps the first error, which ends the run at the next step.
  private func attempt(_ write: () throws(RecordsError) -> Void) {
    do throws(RecordsError) {
      try write()
    } catch {
      failure.withLock { if $0 == nil { $0 = error } }
    }
  }
}
