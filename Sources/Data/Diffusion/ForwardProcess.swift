import Tensors

/// The forward process of diffusion, which turns an image into the fields that a denoiser reads.
///
///     input   x_t = √ᾱ_t·x₀ + √(1 − ᾱ_t)·ε, x₀ in −1…1      time   t, uniform in 0 ..< steps
///     target  ε, v or x₀                                     condition, weight
///
/// Time and noise are a pure function of (seed, epoch, sample), and of (seed, sample) in evaluation: every look at a
/// held-out split sees the same noise.
package struct ForwardProcess: Sendable {
  /// The content of a field.
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

  /// The time of a sample, and whether its condition is dropped.
  package struct Draw: Sendable, Equatable {
    package let time: Int
    /// Whether the model gets no condition.
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

  /// Writes ε over `output`.
  func drawNoise(_ sample: Int, _ reading: Reading, into output: TensorSlice) {
    stream(sample, reading).fillNormal(output, from: Self.firstElement(sample) + Self.firstNormal)
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

  /// Writes x_t over `output`.
  func mix(_ image: TensorSlice, _ noise: TensorSlice, at step: Int, into output: TensorSlice) {
    Self.sum(image, Float(schedule.signal(step)), noise, Float(schedule.noise(step)), into: output)
  }

  /// Writes the values to predict over `output`.
  func target(_ image: TensorSlice, _ noise: TensorSlice, at step: Int, into output: TensorSlice) {
    switch settings.prediction {
    case .noise: output.copy(from: noise)
    case .x0: output.copy(from: image)
    case .v: Self.sum(noise, Float(schedule.signal(step)), image, -Float(schedule.noise(step)), into: output)
    }
  }

  private static func sum(
    _ a: TensorSlice, _ aShare: Float, _ b: TensorSlice, _ bShare: Float, into output: TensorSlice
  ) {
    let (x, y) = (a.floats, b.floats)
    var values = output.mutableFloats
    precondition(x.count == values.count && y.count == values.count)
    for i in values.indices { values[i] = x[i] * aShare + y[i] * bShare }
  }
}

extension SampleField {
  package static let time = "time"
  package static let condition = "condition"
  package static let weight = "weight"
  /// A label whose class name is a text.
  package static let caption = "caption"
}
