import Data
import Kernels
import Models
import Runs
import Synchronization
import Tensors
import Tokenizers

/// A stored model that denoises pictures: its parameters and what it was trained to say. All of it is in the checkpoint.
package struct DiffusionModel: Sendable {
  package let configuration: RunConfiguration
  package let settings: DiffusionSettings
  /// A noisy picture: (height, width, channels).
  package let picture: SampleField
  package let condition: ConditionVocabulary
  private let fields: [SampleField]
  private let state: ModelState
  private let precision: Precision
  /// For messages.
  private let name: String

  /// - Throws: where the run's model does not denoise.
  package init(_ run: StoredRun) throws {
    let name = run.checkpoint.url.lastPathComponent
    let fields = try run.fields()
    let tokenizer = try run.checkpoint.metadata.tokenizer(of: run.checkpoint.url)
    try self.init(
      run.configuration, fields, source: run.sourceFields() ?? [], tokenizer, run.answeringPrecision, of: name
    ) { try run.modelState($0) }
  }

  /// A model with parameters from anywhere.
  ///
  /// - Parameters:
  ///   - source: the fields of the data as they are, which know the captions.
  ///   - name: for messages.
  ///   - state: makes the parameters of the model that is given.
  package init(
    _ configuration: RunConfiguration, _ fields: [SampleField], source: [SampleField] = [], _ tokenizer: Tokenizer?,
    _ precision: Precision, of name: String, state: (ModelGraph) throws -> ModelState
  ) throws {
    guard let settings = configuration.data.diffusion else {
      throw RunError(
        .configuration,
        "\(name): expected a model that denoises, found one whose configuration has no \"diffusion\" section")
    }
    guard let picture = fields.first(where: { $0.name == SampleField.input }), picture.isImage else {
      throw RunError(
        .configuration, "\(name): expected a model of pictures [height, width, 1 or 3], found other inputs")
    }
    self.configuration = configuration
    self.settings = settings
    self.picture = picture
    self.fields = fields
    self.precision = precision
    self.name = name
    guard Self.fits(fields, settings, picture) else {
      throw RunError(
        .configuration, "\(name): its fields do not fit its \"diffusion\" section; the checkpoint is damaged")
    }
    condition = try ConditionVocabulary(settings, fields, source: source, tokenizer, of: name)
    self.state = try state(RunPlan.graph(configuration, fields, of: name, rows: 1))
  }

  /// Whether fields are what the forward process makes: a checkpoint's may be anything.
  private static func fits(_ fields: [SampleField], _ settings: DiffusionSettings, _ picture: SampleField) -> Bool {
    func field(_ name: String) -> SampleField? { fields.first { $0.name == name } }
    let told = field(SampleField.condition)
    let isTold =
      switch settings.condition {
      case .none: told == nil
      case .class: told?.shape == .scalar && (told?.classCount ?? 0) > 1
      case .text: told?.shape.rank == 1 && (told?.shape.last ?? 0) <= DiffusionSettings.longestText
      }
    let time = field(SampleField.time)
    return isTold && time?.shape == .scalar && time?.classCount == settings.schedule.steps
      && field(SampleField.target)?.shape == picture.shape
  }

  /// Draws a picture for each condition.
  ///
  /// - Parameters:
  ///   - conditions: from `condition`.
  ///   - rows: pictures in a pass of the model, which is part of what is computed.
  ///   - lanes: threads that draw, which is not.
  ///   - moments: see `ImageDrawing`; `watched` too.
  ///   - sheets: bytes that the caller needs to lay the pictures out.
  ///   - progress: told how many of how many passes are done, by any of the threads.
  package func draw(
    _ conditions: [[Int32]], _ sampler: SamplerSettings, rows: Int, lanes: Int, moments: [Int] = [], watched: Int = 0,
    sheets: Int = 0, progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws(RunError) -> ImageDrawing {
    try condition.checkGuidance(sampler.guidance, from: .commandLine)
    let graph = try RunPlan.graph(configuration, fields, of: name, rows: rows)
    try RunPlan.checkSize(graph, state.table)
    let plan = ExecutionPlan(graph, table: state.table, precision: precision, isTraining: false)
    let lanes = min(lanes, (conditions.count + rows - 1) / rows)
    try checkMemory(plan, pictures: conditions.count + moments.count * watched, sheets: sheets, lanes: lanes)
    let drawing = ImageDrawing(picture.shape, conditions, rows: rows, moments: moments, watched: watched)
    let counter = PassCounter(progress)
    LaneThread.run(lanes, playing: plan, state) { lane, program in
      let pictures = ImageSampler(program, settings.schedule, settings.prediction, sampler, none: condition.none)
      drawing.run(pictures, lane: lane, of: lanes) { counter.count(of: pictures.stepCount * drawing.batchCount) }
    }
    guard drawing.isFinite else {
      throw RunError("\(name): the model's answers are not finite numbers; draw from an earlier checkpoint")
    }
    return drawing
  }

  private func checkMemory(_ plan: ExecutionPlan, pictures: Int, sheets: Int, lanes: Int) throws(RunError) {
    let sampler = ImageSampler.byteCount(plan.graph, none: condition.none)
    let lane = Double(plan.activationByteCount + plan.sequenceStateByteCount + sampler)
    let drawn = Double(picture.shape.elementCount) * 4 * Double(pictures)
    let needed = Double(lanes) * lane + Double(plan.preparedByteCount) + drawn + Double(sheets)
    guard let available = SystemMemory.availableByteCount, needed > Double(available) else { return }
    throw RunError(
      .configuration,
      "drawing takes \(DataError.bytes(Int(min(needed, 0x1p62)))) of memory, but \(DataError.bytes(available)) are"
        + " available; use a smaller --batch or --count")
  }
}

/// Counts what several threads do.
private final class PassCounter: Sendable {
  private let done = Atomic(0)
  private let progress: @Sendable (_ done: Int, _ all: Int) -> Void

  init(_ progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void) { self.progress = progress }

  func count(of all: Int) { progress(done.add(1, ordering: .relaxed).newValue, all) }
}
