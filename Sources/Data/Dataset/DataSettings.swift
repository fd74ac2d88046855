import Configuration

/// The `data` object of a configuration: what every kind of data shares, and the kind.
package struct DataSettings: Sendable {
  package var common: CommonDataSettings
  package var kind: any DataKind
  /// Of a diffusion model; nil otherwise.
  package var diffusion: DiffusionSettings?

  package init(
    common: CommonDataSettings = CommonDataSettings(), kind: any DataKind, diffusion: DiffusionSettings? = nil
  ) {
    self.common = common
    self.kind = kind
    self.diffusion = diffusion
  }
}

/// The keys of every kind of data.
package struct CommonDataSettings: Settings {
  package var batchSize = 64
  package var validation: SplitSize = .fraction(Self.defaultValidationFraction)
  package var test: SplitSize = .fraction(0)
  /// Nil: all samples outside the other splits.
  package var trainCount: Int?
  package var standardize = false
  /// Given moments instead of measured ones.
  package var normalize: Standardization?
  package var augmentation: [any ImageTransform] = []
  /// The α of mixup's and CutMix's shares; nil where they are off.
  package var mixup: Double?
  package var cutmix: Double?
  package var shuffle = true
  /// Nil: the run's seed.
  package var seed: UInt64?
  /// At most this many training samples.
  package var limit: Int?

  static let defaultValidationFraction = 0.1
  static let largestCount = 1 << 40

  package init() {}

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    batchSize = try reader.integer("batch_size", default: 64, in: 1...(1 << 24), "samples per optimizer step")
    let counts = 0...Self.largestCount
    let largestFraction = 0.999
    let validationFraction = try reader.optionalNumber(
      "validation_fraction", in: 0...largestFraction,
      "share of the samples held out to validate (default \(Self.defaultValidationFraction))")
    let validationCount = try reader.optionalInteger("validation_count", in: counts, "instead of a fraction")
    let testFraction = try reader.optionalNumber(
      "test_fraction", in: 0...largestFraction, "share of the samples held out for the test (default 0)")
    let testCount = try reader.optionalInteger("test_count", in: counts, "instead of a fraction")
    trainCount = try reader.optionalInteger(
      "train_count", in: 1...Self.largestCount, "training samples; by default all outside validation and test")
    standardize = try reader.boolean(
      "standardize", default: false,
      "subtract the training inputs' mean and divide by their deviation; images channel by channel")
    let moments = try reader.optionalObject(
      "normalize", GivenMoments.self, "subtract these means and divide by these deviations, in place of standardize")
    augmentation = try reader.optionalComponents(
      "augmentation", from: AugmentationCatalog.catalog,
      "random changes of images while training, one transform after another")
    mixup = try reader.optionalObject("mixup", MixupSettings.self, "training samples are mixed in pairs, classes too")?
      .alpha
    cutmix = try reader.optionalObject(
      "cutmix", CutmixSettings.self, "a box of another image is laid over each training image, classes by area")?.alpha
    shuffle = try reader.boolean("shuffle", default: true, "a new order of the training samples every epoch")
    seed = try reader.optionalInteger(
      "seed", in: 0...Int.max, "of splits, order and generated samples; default: the run's"
    )
    .map(UInt64.init)
    limit = try reader.optionalInteger(
      "limit", in: 1...Self.largestCount, "train on at most this many samples, to see whether the model can overfit")
    try reader.require(!standardize || moments == nil, "normalize", "standardize is on too; keep one")
    normalize = moments?.standardization
    try reader.require(
      validationFraction == nil || validationCount == nil, "validation_count",
      "validation_fraction is given too; keep one")
    try reader.require(
      testFraction == nil || testCount == nil, "test_count", "test_fraction is given too; keep one")
    try reader.require(
      (validationFraction ?? 0) + (testFraction ?? 0) < 1, nil,
      "validation_fraction and test_fraction add up to 1 or more, which leaves nothing to train on")
    validation =
      validationCount.map(SplitSize.count)
      ?? .fraction(validationFraction ?? Self.defaultValidationFraction)
    test = testCount.map(SplitSize.count) ?? .fraction(testFraction ?? 0)
  }
}

/// The keys of "normalize".
private struct GivenMoments: Settings {
  let standardization: Standardization?

  init(from reader: SettingsReader) throws(ConfigurationError) {
    let mean = try reader.perChannel("mean", in: -1e6...1e6, "of each channel, on the scale 0…1; one number for all")
    let deviation = try reader.perChannel(
      "std", in: 1e-6...1e6, "deviation of each channel; one number for all")
    let count = max(mean.count, deviation.count)
    try reader.require(
      mean.count == deviation.count || min(mean.count, deviation.count) == 1, "std",
      "has \(deviation.count) numbers, but \"mean\" has \(mean.count)")
    func expanded(_ numbers: [Double]) -> [Float] { (0..<count).map { Float(numbers[min($0, numbers.count - 1)]) } }
    standardization = Standardization(mean: expanded(mean), deviation: expanded(deviation))
  }
}

/// The size of a split.
package enum SplitSize: Sendable, Equatable {
  case fraction(Double)
  case count(Int)

  /// The setting of the split `split`.
  func key(of split: String) -> String {
    switch self {
    case .fraction: "\(split)_fraction"
    case .count: "\(split)_count"
    }
  }

  var text: String {
    switch self {
    case .fraction(let fraction): "\(fraction)"
    case .count(let count): "\(count)"
    }
  }
}
