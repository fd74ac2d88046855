import Arenas

/// A data set ready for training: opened, split, put in order and standardised.
package struct Dataset: Sendable {
  package let settings: CommonDataSettings
  /// Of splits, order and generated samples.
  package let seed: UInt64
  package let source: any SampleSource
  package let splits: DataSplits
  /// Nil unless the settings ask for it.
  package let standardization: Standardization?
  private let inputField: Int

  /// Opens the data that `settings` describe.
  ///
  /// - Parameters:
  ///   - runSeed: taken where the settings name no seed.
  ///   - standardization: what a checkpoint carries, instead of computing it again.
  package init(
    opening settings: DataSettings, runSeed: UInt64, standardization carried: Standardization? = nil
  ) throws(DataError) {
    let seed = settings.common.seed ?? runSeed
    let opened = try settings.kind.open(seed: seed)
    try self.init(opened, settings: settings.common, seed: seed, standardization: carried)
  }

  package init(
    _ opened: OpenedSamples, settings: CommonDataSettings, seed: UInt64, standardization carried: Standardization? = nil
  ) throws(DataError) {
    self.settings = settings
    self.seed = seed
    let name = opened.samples.name
    source = if let test = opened.test { try JoinedSamples(opened.samples, test) } else { opened.samples }
    splits = try DataSplits(
      count: opened.samples.count, separateTest: opened.test?.count ?? 0, settings: settings, seed: seed, name: name)
    guard settings.batchSize <= splits.training.count else {
      throw DataError(
        name, at: "data.batch_size", expected: "at most the \(splits.training.count) training samples",
        found: "\(settings.batchSize)", advice: "lower batch_size or raise limit")
    }
    inputField = source.field(named: SampleField.input) ?? 0
    let input = source.fields[inputField]
    guard settings.standardize else {
      standardization = nil
      return
    }
    guard input.type == .float32 else {
      throw DataError(
        name, at: "data.standardize", expected: "float32 inputs", found: "\(input.type.rawValue) inputs",
        advice: "set standardize to false")
    }
    if let carried, !carried.fits(input.shape) {
      throw DataError(
        name, at: "standardization", expected: "1 or \(input.shape.elementCount) means for inputs \(input.shape)",
        found: "\(carried.mean.count)", advice: "the checkpoint belongs to other data")
    }
    standardization = carried ?? Standardization(of: source, field: inputField, over: splits.training)
  }

  package var name: String { source.name }
  package var fields: [SampleField] { source.fields }

  /// The training samples' order, epoch by epoch.
  package var order: SampleOrder {
    SampleOrder(samples: splits.training, isShuffled: settings.shuffle, seed: seed)
  }

  /// Memory that samples and splits hold.
  package var residentBytes: Int {
    source.residentBytes + splits.training.residentBytes + splits.validation.residentBytes + splits.test.residentBytes
  }

  /// Content, splits and order: a run may only go on with data of the same fingerprint.
  package var fingerprint: String {
    let parts = [splits.training.count, splits.validation.count, splits.test.count].map(String.init)
    let description = "\(source.fingerprint) \(parts.joined(separator: " ")) \(seed) \(settings.shuffle)"
    return Fingerprint.of(description, count: source.count)
  }

  /// Writes field number `field` of `sample` (an index into the source) over `slot`, standardised; allocates nothing.
  package func read(_ sample: Int, epoch: Int = 0, field: Int, into slot: TensorSlice) {
    source.read(sample, epoch: epoch, field: field, into: slot)
    if field == inputField, let standardization { standardization.apply(to: slot) }
  }
}
