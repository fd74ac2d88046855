import Configuration

/// The "diffusion" of a configuration: noise is added to images, and the model learns to undo it.
package struct DiffusionSettings: Settings {
  /// The prediction for a noisy image.
  package enum Prediction: String, CaseIterable, Sendable {
    /// ε, the noise in it (Ho et al. 2020).
    case noise
    /// √ᾱ·ε − √(1 − ᾱ)·x₀ (Salimans and Ho 2022, arXiv:2202.00512).
    case v
    /// The image itself.
    case x0
  }

  package enum Weighting: String, CaseIterable, Sendable {
    case none
    /// The weight is bounded by γ where there is little noise (Hang et al. 2023, arXiv:2303.09556).
    case minSNR = "min_snr"
  }

  /// The model's input besides the image and its time.
  package enum Condition: String, CaseIterable, Sendable { case none, `class`, text }

  package let schedule: NoiseSchedule
  package let prediction: Prediction
  package let weighting: Weighting
  package let gamma: Double
  package let condition: Condition
  /// The share of training samples without their condition, so that one model learns both (Ho and Salimans 2022,
  /// arXiv:2207.12598).
  package let dropCondition: Double
  package let tokenizer: TokenizerChoice
  /// Tokens of a caption; nil: as many as the longest has.
  package let textLength: Int?

  static let defaultDrop = 0.1
  static let defaultGamma = 5.0
  static let largestStepCount = 100_000
  package static let longestText = 4096

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    let steps = try reader.integer(
      "steps", default: 1000, in: 1...Self.largestStepCount, "steps from an image to noise")
    schedule = NoiseSchedule(
      try reader.choice("schedule", default: .linear, "how fast an image turns into noise"), steps: steps)
    prediction = try reader.choice(
      "predict", default: .noise, "the model's prediction for a noisy image: the noise, v, or the image")
    weighting = try reader.choice("weighting", default: Weighting.none, "how much each noise level counts in the loss")
    let gamma = try reader.optionalNumber(
      "min_snr_gamma", in: 0...1e6, above: true, "of min_snr: the largest ratio of signal to noise that counts in full")
    condition = try reader.choice(
      "condition", default: Condition.none,
      "the model's condition: none, the class, or a text (captions, or the classes' names)")
    let drop = try reader.optionalNumber(
      "drop_condition", in: 0...1,
      "share of the training samples without their condition, for guidance (default \(Self.defaultDrop))")
    let tokenizer = try reader.optionalComponent(
      "tokenizer", from: TokenizerChoice.catalog, "how captions become tokens (default: bytes)")
    textLength = try reader.optionalInteger(
      "text_length", in: 1...Self.longestText, "tokens of a caption; default: as many as the longest has")
    try reader.require(
      gamma == nil || weighting == .minSNR, "min_snr_gamma", "is not used without \"weighting\": \"min_snr\"")
    try reader.require(
      drop == nil || condition != .none, "drop_condition", "is not used without a condition; set \"condition\"")
    try reader.require(
      tokenizer == nil || condition == .text, "tokenizer", "is not used without \"condition\": \"text\"")
    try reader.require(
      textLength == nil || condition == .text, "text_length", "is not used without \"condition\": \"text\"")
    self.gamma = gamma ?? Self.defaultGamma
    dropCondition = condition == .none ? 0 : drop ?? Self.defaultDrop
    self.tokenizer = tokenizer ?? .bytes
  }

  /// The factor of a sample's loss.
  ///
  /// min(SNR, γ) in terms of the image; predicting the noise counts SNR times less, and v SNR + 1 times less.
  package func weight(_ step: Int) -> Double {
    guard weighting == .minSNR else { return 1 }
    let ratio = schedule.signalToNoise(step)
    let bounded = min(ratio, gamma)
    switch prediction {
    case .noise: return ratio > 0 ? bounded / ratio : 1
    case .v: return bounded / (ratio + 1)
    case .x0: return bounded
    }
  }
}
