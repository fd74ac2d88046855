import Tensors
import Tokenizers

/// A data set ready for training: opened, split and in order, with the changes to its samples before the model sees
/// them.
package struct Dataset: Sendable {
  package let settings: CommonDataSettings
  /// Of splits, order, augmentation and generated samples.
  package let seed: UInt64
  package let source: any SampleSource
  package let splits: DataSplits
  /// As the model gets them: the source's, after augmentation has changed the input's shape and mixing the target.
  package let fields: [SampleField]
  /// This and the next three are nil unless the settings ask for them.
  package let standardization: Standardization?
  package let augmentation: Augmentation?
  package let mixing: SampleMixing?
  package let forwardProcess: ForwardProcess?
  /// The tokenizer of the text; nil where samples are not text.
  package let tokenizer: Tokenizer?
  /// Tokens in a sample, where each row of a batch continues its row in the batch before; nil elsewhere.
  package let pieceLength: Int?
  /// Samples that were left out because they cannot be read; nil where there are none.
  package let skipped: SkippedSamples?
  let inputField: Int
  /// -1 without a target.
  let targetField: Int

  /// Opens the data that `settings` describe.
  ///
  /// - Parameters:
  ///   - runSeed: used where the settings name no seed.
  ///   - standardization: a checkpoint's, instead of measuring again.
  package init(
    opening settings: DataSettings, runSeed: UInt64, standardization stored: Standardization? = nil
  ) throws(DataError) {
    let seed = settings.common.seed ?? runSeed
    try settings.kind.checkMemory()
    let opened = try settings.kind.open(seed: seed, settings: settings.common)
    try self.init(
      opened, settings: settings.common, diffusion: settings.diffusion, seed: seed, standardization: stored)
  }

  package init(
    _ opened: OpenedSamples, settings: CommonDataSettings, diffusion: DiffusionSettings? = nil, seed: UInt64,
    standardization stored: Standardization? = nil
  ) throws(DataError) {
    self.settings = settings
    self.seed = seed
    let name = opened.samples.name
    pieceLength = opened.pieceLength
    skipped = opened.skipped
    source = try opened.joined()
    splits =
      opened.isSplit
      ? try DataSplits(
        training: opened.samples.count, validation: opened.validation?.count ?? 0, test: opened.test?.count ?? 0,
        settings: settings, name: name)
      : try DataSplits(
        count: opened.samples.count, separateTest: opened.test?.count ?? 0, settings: settings, seed: seed, name: name)
    guard settings.batchSize <= splits.training.count else {
      throw DataError(
        name, at: "data.batch_size", expected: "at most the \(splits.training.count) training samples",
        found: "\(settings.batchSize)", advice: "lower batch_size or raise limit")
    }
    var fields = source.fields
    inputField = source.field(named: SampleField.input) ?? 0
    targetField = source.field(named: SampleField.target) ?? -1
    augmentation = try Augmentation(settings.augmentation, of: fields[inputField], seed: seed, name: name)
    if let augmentation { fields[inputField].shape = augmentation.output.tensorShape }
    mixing = try settings.mixing(fields, input: inputField, target: targetField, of: splits.training, seed, name)
    if mixing != nil, let classes = fields[targetField].classCount {
      fields[targetField].type = .float32
      fields[targetField].shape = TensorShape([classes])
    }
    try settings.check(diffusion, name)
    forwardProcess =
      if let diffusion {
        try ForwardProcess(diffusion, of: source.fields, input: fields[inputField], seed: seed, name: name)
      } else {
        nil
      }
    tokenizer = opened.tokenizer ?? forwardProcess?.condition?.tokenizer
    self.fields = forwardProcess?.fields ?? fields
    standardization = try settings.standardization(
      stored, fields[inputField], name
    ) { [source, splits, augmentation, inputField, shape = fields[inputField].shape] in
      var canvas = ImageCanvas(capacity: augmentation?.capacity ?? 0)
      return Standardization(shape: shape, count: splits.training.count) { position, output in
        Self.transform(
          splits.training[position], .evaluation, source, inputField, augmentation, on: &canvas, into: output)
      }
    }
  }

  package var name: String { source.name }

  /// The training samples' order, epoch by epoch.
  package var order: SampleOrder {
    SampleOrder(
      samples: splits.training, isShuffled: settings.shuffle, seed: seed,
      streams: pieceLength == nil ? nil : settings.batchSize)
  }

  /// Memory that samples and splits hold.
  package var residentBytes: Int {
    source.residentBytes + splits.training.residentBytes + splits.validation.residentBytes + splits.test.residentBytes
  }

  /// Of content, splits and order: a run resumes only with data of the same fingerprint.
  package var fingerprint: String {
    let parts = [splits.training.count, splits.validation.count, splits.test.count].map(String.init)
    var description = "\(source.fingerprint) \(parts.joined(separator: " ")) \(seed) \(settings.shuffle)"
    if let pieceLength { description += " in streams of \(pieceLength)" }
    return Fingerprint.of(description, count: source.count)
  }

  /// Whether samples are images, which have several views.
  package var showsImages: Bool {
    forwardProcess == nil && fields[inputField].type == .float32 && ImageShape(fields[inputField].shape) != nil
  }

  /// Writes the transformed input of `sample` over `output`, neither mixed nor standardized.
  func transform(_ sample: Int, _ reading: Reading, on canvas: inout ImageCanvas, into output: TensorSlice) {
    Self.transform(sample, reading, source, inputField, augmentation, on: &canvas, into: output)
  }

  private static func transform(
    _ sample: Int, _ reading: Reading, _ source: any SampleSource, _ field: Int, _ augmentation: Augmentation?,
    on canvas: inout ImageCanvas, into output: TensorSlice
  ) {
    let view: ImageView? = if case .view(let view) = reading { view } else { nil }
    guard let shape = augmentation?.input ?? view.flatMap({ _ in ImageShape(source.fields[field].shape) }) else {
      return source.read(sample, reading, field: field, into: output)
    }
    canvas.begin(shape)
    source.read(sample, reading, field: field, into: canvas.pixels)
    augmentation?.apply(to: &canvas, sample, reading)
    view?.apply(to: &canvas, border: augmentation?.border ?? .black)
    output.copy(from: canvas.pixels)
  }
}
