import Data
import Kernels
import Models
import Runs
import Synchronization
import Tensors
import Tokenizers

/// A stored diffusion model; it needs nothing but the checkpoint.
package struct DiffusionModel: Sendable {
  package let configuration: RunConfiguration
  package let settings: DiffusionSettings
  /// The noisy image: (height, width, channels).
  package let image: SampleField
  package let condition: ConditionVocabulary
  private let fields: [SampleField]
  private let state: ModelState
  private let precision: Precision
  /// For messages.
  private let name: String

  /// - Throws: if the run's model does not denoise.
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
  ///   - source: the fields of the data before augmentation, which list the captions.
  ///   - name: for messages.
  ///   - state: makes the parameters of the given graph.
  package init(
    _ configuration: RunConfiguration, _ fields: [SampleField], source: [SampleField] = [], _ tokenizer: Tokenizer?,
    _ precision: Precision, of name: String, state: (ModelGraph) throws -> ModelState
  ) throws {
    guard let settings = configuration.data.diffusion else {
      throw RunError(
        .configuration,
        "\(name): expected a diffusion model, found a configuration without a \"diffusion\" section")
    }
    guard let image = fields.first(where: { $0.name == SampleField.input }), image.isImage else {
      throw RunError(
        .configuration, "\(name): expected a model of images [height, width, 1 or 3], found other inputs")
    }
    self.configuration = configuration
    self.settings = settings
    self.image = image
    self.fields = fields
    self.precision = precision
    self.name = name
    guard Self.fits(fields, settings, image) else {
      throw RunError(
        .configuration, "\(name): its fields do not fit its \"diffusion\" section; the checkpoint is damaged")
    }
    condition = try ConditionVocabulary(settings, fields, source: source, tokenizer, of: name)
    self.state = try state(RunPlan.graph(configuration, fields, of: name, rows: 1))
  }

  /// Whether the forward process makes such fields; a checkpoint may be damaged.
  private static func fits(_ fields: [SampleField], _ settings: DiffusionSettings, _ image: SampleField) -> Bool {
    func field(_ name: String) -> SampleField? { fields.first { $0.name == name } }
    let condition = field(SampleField.condition)
    let fitsCondition =
      switch settings.condition {
      case .none: condition == nil
      case .class: condition?.shape == .scalar && (condition?.classCount ?? 0) > 1
      case .text: condition?.shape.rank == 1 && (condition?.shape.last ?? 0) <= DiffusionSettings.longestText
      }
    let time = field(SampleField.time)
    return fitsCondition && time?.shape == .scalar && time?.classCount == settings.schedule.steps
      && field(SampleField.target)?.shape == image.shape
  }

  /// Draws an image for each condition.
  ///
  /// - Parameters:
  ///   - conditions: from `condition`.
  ///   - rows: images per pass of the model; changes the result within rounding.
  ///   - lanes: threads; changes no bit.
  ///   - moments: see `ImageDrawing`; `watched` too.
  ///   - sheets: bytes that the caller needs for sheets of the images.
  ///   - progress: receives the numbers of finished and of all steps, on any of the threads.
  package func draw(
    _ conditions: [[Int32]], _ samplerSettings: SamplerSettings, rows: Int, lanes: Int, moments: [Int] = [],
    watched: Int = 0, sheets: Int = 0, progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws(RunError) -> ImageDrawing {
    try condition.checkGuidance(samplerSettings.guidance, from: .commandLine)
    let graph = try RunPlan.graph(configuration, fields, of: name, rows: rows)
    try RunPlan.checkSize(graph, state.table)
    let plan = ExecutionPlan(graph, table: state.table, precision: precision, isTraining: false)
    let lanes = min(lanes, (conditions.count + rows - 1) / rows)
    try checkMemory(plan, images: conditions.count + moments.count * watched, sheets: sheets, lanes: lanes)
    let drawing = ImageDrawing(image.shape, conditions, rows: rows, moments: moments, watched: watched)
    let counter = StepCounter(progress)
    LaneThread.run(lanes, playing: plan, state) { lane, program in
      let sampler = ImageSampler(program, settings.schedule, settings.prediction, samplerSettings, none: condition.none)
      drawing.run(sampler, lane: lane, of: lanes) { counter.count(of: sampler.stepCount * drawing.batchCount) }
    }
    guard drawing.isFinite else {
      throw RunError("\(name): the model's predictions are not finite; draw from an earlier checkpoint")
    }
    return drawing
  }

  private func checkMemory(_ plan: ExecutionPlan, images: Int, sheets: Int, lanes: Int) throws(RunError) {
    let sampler = ImageSampler.byteCount(plan.graph, none: condition.none)
    let lane = Double(plan.activationByteCount + plan.sequenceStateByteCount + sampler)
    let drawn = Double(image.shape.elementCount) * 4 * Double(images)
    let needed = Double(lanes) * lane + Double(plan.preparedByteCount) + drawn + Double(sheets)
    guard let available = SystemMemory.availableByteCount, needed > Double(available) else { return }
    throw RunError(
      .configuration,
      "drawing takes \(DataError.bytes(Int(min(needed, 0x1p62)))) of memory, but \(DataError.bytes(available)) are"
        + " available; use a smaller --batch or --count")
  }
}

/// Counts the steps of several threads.
private final class StepCounter: Sendable {
  private let done = Atomic(0)
  private let progress: @Sendable (_ done: Int, _ all: Int) -> Void

  init(_ progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void) { self.progress = progress }

  func count(of all: Int) { progress(done.add(1, ordering: .relaxed).newValue, all) }
}
