import Tensors

/// The forward process of diffusion: what becomes of an image, its time and its noise, as fields that a denoiser reads.
///
///     input   x_t = √ᾱ_t·x₀ + √(1 − ᾱ_t)·ε, x₀ in −1…1      time   t, uniform in 0 ..< steps
///     target  ε, v or x₀                                     condition, weight
///
/// Time and noise are a pure function of (seed, epoch, sample), and of (seed, sample) in evaluation: every look at a
/// held-out split sees the same noise.
package struct ForwardProcess: Sendable {
  /// What a field of the samples holds.
  enum Role: Sendable { case input, time, condition, target, weight }

  package let settings: DiffusionSettings
  /// As the model gets them.
  package let fields: [SampleField]
  let roles: [Role]
  let condition: SampleCondition?
  private let levels: ClosedRange<Float>
  private let seed: UInt64

  package var schedule: NoiseSchedule { settings.schedule }
  /// Bytes that a reader needs for an image and its noise.
  var scratchByteCount: Int { 2 * Arena.aligned(fields[0].shape.elementCount * ElementType.float32.byteCount) }

  /// - Parameter input: as augmentation leaves it.
  init(
    _ settings: DiffusionSettings, of fields: [SampleField], input: SampleField, seed: UInt64, name: String
  ) throws(DataError) {
    guard input.type == .float32, ImageShape(input.shape) != nil else {
      throw DataError(
        name, at: "diffusion", expected: "images [height, width, channels]",
        found: "\(input.type.rawValue) inputs \(input.shape)", advice: "remove \"diffusion\"")
    }
    self.settings = settings
    self.seed = seed
    levels = input.levels
    condition = try Self.condition(settings, fields, name)
    var roles: [Role] = [.input, .time]
    var made = [
      input, SampleField(name: SampleField.time, shape: .scalar, type: .int32, classCount: settings.schedule.steps),
    ]
    if let condition {
      roles.append(.condition)
      made.append(condition.field)
    }
    roles.append(.target)
    made.append(SampleField(name: SampleField.target, shape: input.shape, type: .float32))
    if settings.weighting != .none {
      roles.append(.weight)
      made.append(SampleField(name: SampleField.weight, shape: .scalar, type: .float32))
    }
    self.roles = roles
    self.fields = made
  }

  private static func condition(
    _ settings: DiffusionSettings, _ fields: [SampleField], _ name: String
  ) throws(DataError) -> SampleCondition? {
    func classes(_ name: String) -> (number: Int, labels: [String])? {
      guard let number = fields.firstIndex(where: { $0.name == name && $0.type == .int32 && $0.shape == .scalar }),
        let labels = fields[number].classLabels
      else { return nil }
      return (number, labels)
    }
    switch settings.condition {
    case .none: return nil
    case .class:
      guard let (number, labels) = classes(SampleField.target) else {
        throw DataError(
          name, at: "diffusion.condition", expected: "samples with classes", found: "none",
          advice: "set condition to \"none\"")
      }
      return SampleCondition(classes: labels, at: number)
    case .text:
      guard let (number, labels) = classes(SampleField.caption) ?? classes(SampleField.target) else {
        throw DataError(
          name, at: "diffusion.condition", expected: "samples with captions or classes", found: "neither",
          advice: "set condition to \"none\"")
      }
      return try SampleCondition(captions: labels, at: number, settings, name: name)
    }
  }

  /// What happens to a sample.
  package struct Draw: Sendable, Equatable {
    package let time: Int
    /// Whether the model is told nothing of it.
    package let isUnconditional: Bool
  }

  package func draw(_ sample: Int, _ reading: Reading) -> Draw {
    let stream = stream(sample, reading)
    let first = Self.firstElement(sample)
    let isTraining = if case .training = reading { true } else { false }
    return Draw(
      time: stream.integer(first, below: schedule.steps),
      isUnconditional: isTraining && Double(stream.uniform(first + 1)) < settings.dropCondition)
  }

  /// ε over `slot`.
  func drawNoise(_ sample: Int, _ reading: Reading, into slot: TensorSlice) {
    stream(sample, reading).fillNormal(slot, from: Self.firstElement(sample) + Self.firstNormal)
  }

  private func stream(_ sample: Int, _ reading: Reading) -> RandomStream {
    let step =
      switch reading {
      case .training(let epoch): epoch
      case .evaluation, .view: Int(UInt32.max)
      }
    return RandomStream(seed: seed, purpose: .diffusion, step: step, stream: sample)
  }

  /// A stream's number has 24 bits; what is beyond them chooses the stream's elements.
  private static func firstElement(_ sample: Int) -> Int { (sample >> 24) << 40 }
  /// The elements before it are for the draw.
  private static let firstNormal = 4

  /// An image's values, brought from its own black and white to −1 and 1.
  func normalize(_ image: TensorSlice) {
    let scale = 2 / (levels.upperBound - levels.lowerBound)
    let black = levels.lowerBound
    var values = image.mutableFloats
    for i in values.indices { values[i] = (values[i] - black) * scale - 1 }
  }

  /// x_t over `slot`.
  func mix(_ image: TensorSlice, _ noise: TensorSlice, at step: Int, into slot: TensorSlice) {
    Self.sum(image, Float(schedule.signal(step)), noise, Float(schedule.noise(step)), into: slot)
  }

  /// What is to be predicted, over `slot`.
  func target(_ image: TensorSlice, _ noise: TensorSlice, at step: Int, into slot: TensorSlice) {
    switch settings.prediction {
    case .noise: slot.copy(from: noise)
    case .x0: slot.copy(from: image)
    case .v: Self.sum(noise, Float(schedule.signal(step)), image, -Float(schedule.noise(step)), into: slot)
    }
  }

  private static func sum(
    _ a: TensorSlice, _ aShare: Float, _ b: TensorSlice, _ bShare: Float, into slot: TensorSlice
  ) {
    let (x, y) = (a.floats, b.floats)
    var values = slot.mutableFloats
    precondition(x.count == values.count && y.count == values.count)
    for i in values.indices { values[i] = x[i] * aShare + y[i] * bShare }
  }
}

extension SampleField {
  package static let time = "time"
  package static let condition = "condition"
  package static let weight = "weight"
  /// A number that a text stands behind: its name among the classes.
  package static let caption = "caption"
}
