import Tensors

// The settings checked against the samples.
extension CommonDataSettings {
  /// The moments of "standardize" or "normalize"; nil without either.
  ///
  /// - Parameters:
  ///   - stored: a checkpoint's, instead of measuring again.
  ///   - input: the field as the model gets it.
  func standardization(
    _ stored: Standardization?, _ input: SampleField, _ name: String, measure: () -> Standardization
  ) throws(DataError) -> Standardization? {
    guard standardize || normalize != nil else { return nil }
    guard input.type == .float32 else {
      throw DataError(
        name, at: standardize ? "data.standardize" : "data.normalize", expected: "float32 inputs",
        found: "\(input.type.rawValue) inputs", advice: standardize ? "set standardize to false" : "remove normalize")
    }
    let counts = Standardization.groupCount(input.shape)
    if let normalize {
      guard normalize.fits(input.shape) else {
        throw DataError(
          name, at: "data.normalize", expected: "1 or \(counts) means for inputs \(input.shape)",
          found: "\(normalize.mean.count)")
      }
      return normalize
    }
    if let stored, !stored.fits(input.shape) {
      throw DataError(
        name, at: "standardization", expected: "1 or \(counts) means for inputs \(input.shape)",
        found: "\(stored.mean.count)", advice: "the checkpoint belongs to other data")
    }
    return stored ?? measure()
  }

  /// Refuses changes that diffusion cannot undo when it draws images.
  func check(_ diffusion: DiffusionSettings?, _ name: String) throws(DataError) {
    let disturbing = [
      ("standardize", standardize), ("normalize", normalize != nil), ("mixup", mixup != nil),
      ("cutmix", cutmix != nil),
    ]
    guard diffusion != nil, let (key, _) = disturbing.first(where: \.1) else { return }
    throw DataError(
      name, at: "data.\(key)", expected: "images as they are, which diffusion brings to -1...1 itself",
      found: "\"\(key)\"", advice: "remove it, or \"diffusion\"")
  }

  /// The mixing of "mixup" and "cutmix"; nil without either.
  func mixing(
    _ fields: [SampleField], input: Int, target: Int, of training: SampleSet, _ seed: UInt64, _ name: String
  ) throws(DataError) -> SampleMixing? {
    guard mixup != nil || cutmix != nil else { return nil }
    let place = "data." + (mixup != nil ? "mixup" : "cutmix")
    guard fields.indices.contains(target), fields[target].type == .int32, fields[target].shape == .scalar,
      fields[target].classCount != nil
    else {
      throw DataError(
        name, at: place, expected: "targets that are classes", found: "values", advice: "remove mixup and cutmix")
    }
    let image = ImageShape(fields[input].shape)
    guard fields[input].type == .float32, cutmix == nil || image != nil else {
      throw DataError(
        name, at: cutmix != nil ? "data.cutmix" : place,
        expected: cutmix != nil ? "images [height, width, channels]" : "float32 inputs",
        found: "\(fields[input].type.rawValue) inputs \(fields[input].shape)")
    }
    return SampleMixing(mixup: mixup, cutmix: cutmix, training: training, seed: seed, image: image)
  }
}
