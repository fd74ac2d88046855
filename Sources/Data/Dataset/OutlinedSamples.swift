import Tensors

/// A generated set that is described and not drawn: a few samples stand for all.
struct OutlinedSamples: SampleSource {
  let count: Int
  let few: any SampleSource

  var name: String { few.name }
  var fields: [SampleField] { few.fields }
  var residentBytes: Int { few.residentBytes / few.count * count }
  /// Of no set that a checkpoint knows.
  var fingerprint: String { "outline of \(few.fingerprint)" }

  func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    few.read(index % few.count, reading, field: field, into: output)
  }
}

extension Dataset {
  /// The data that `settings` describe, without drawing generated samples: shapes, counts and memory are right, the
  /// samples are not.
  package init(describing settings: DataSettings, runSeed: UInt64) throws(DataError) {
    guard let (few, count) = settings.kind.outline else {
      try self.init(opening: settings, runSeed: runSeed)
      return
    }
    let seed = settings.common.seed ?? runSeed
    try settings.kind.checkMemory()
    var opened = try few.open(seed: seed, settings: settings.common)
    opened.samples = OutlinedSamples(count: count, few: opened.samples)
    // Moments of these samples would tell nothing.
    let standardization = Standardization(mean: [0], deviation: [1])
    try self.init(
      opened, settings: settings.common, diffusion: settings.diffusion, seed: seed, standardization: standardization)
  }
}
