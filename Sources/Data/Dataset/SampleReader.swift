import Tensors

/// Reads samples of a data set as the model sees them: transformed, mixed, standardised.
///
/// It holds the memory that this takes, so every stage that reads has one of its own; reading allocates nothing
/// but for the first view.
package final class SampleReader {
  private let data: Dataset
  private var canvas: ImageCanvas
  /// Room for the input and the label of a sample that another one is mixed with.
  private let partner: TensorSlice
  private let label: TensorSlice
  /// Of diffusion: a sample's picture in −1…1 and its noise, and whose they are.
  private let picture: TensorSlice
  private let noise: TensorSlice
  private var held: (sample: Int, reading: Reading)?
  // Keeps the memory of them all alive.
  private let arena: Arena

  package init(_ data: Dataset) {
    self.data = data
    canvas = ImageCanvas(capacity: data.augmentation?.capacity ?? 0)
    let inputs = data.mixing == nil ? 0 : data.fields[data.inputField].shape.elementCount
    let offset = Arena.aligned(inputs * ElementType.float32.byteCount)
    let noisy = offset + Arena.aligned(ElementType.int32.byteCount)
    let scratch = data.forwardProcess?.scratchByteCount ?? 0
    arena = Arena(byteCount: noisy + scratch)
    partner = arena.slice(offset: 0, count: inputs, type: .float32)
    label = arena.slice(offset: offset, count: 1, type: .int32)
    let values = data.forwardProcess?.fields[0].shape.elementCount ?? 0
    picture = arena.slice(offset: noisy, count: values, type: .float32)
    noise = arena.slice(offset: noisy + scratch / 2, count: values, type: .float32)
  }

  /// Bytes that a reader of `data` takes.
  package static func byteCount(_ data: Dataset) -> Int {
    let partner = data.mixing == nil ? 0 : data.fields[data.inputField].shape.elementCount * 4
    return ImageCanvas.byteCount(capacity: data.augmentation?.capacity ?? 0) + partner
      + (data.forwardProcess?.scratchByteCount ?? 0)
  }

  /// Writes field number `field` of `sample` (an index into the source) over `slot`.
  package func read(_ sample: Int, _ reading: Reading, field: Int, into slot: TensorSlice) {
    if let process = data.forwardProcess {
      read(sample, reading, field: field, of: process, into: slot)
    } else if field == data.inputField {
      readInput(sample, reading, into: slot)
    } else if field == data.targetField, data.mixing != nil {
      readShares(sample, reading, into: slot)
    } else {
      data.source.read(sample, reading, field: field, into: slot)
    }
  }

  private func read(
    _ sample: Int, _ reading: Reading, field: Int, of process: ForwardProcess, into slot: TensorSlice
  ) {
    let draw = process.draw(sample, reading)
    switch process.roles[field] {
    case .input:
      hold(sample, reading, process)
      process.mix(picture, noise, at: draw.time, into: slot)
    case .target:
      hold(sample, reading, process)
      process.target(picture, noise, at: draw.time, into: slot)
    case .time:
      var time = slot.mutableIntegers
      time[0] = Int32(draw.time)
    case .weight:
      var weight = slot.mutableFloats
      weight[0] = Float(process.settings.weight(draw.time))
    case .condition:
      guard let condition = process.condition else { preconditionFailure("a field for a condition that is not there") }
      data.source.read(sample, reading, field: condition.sourceField, into: label)
      condition.write(draw.isUnconditional ? nil : Int(label.integers[0]), into: slot)
    }
  }

  /// Makes `picture` and `noise` a sample's: two of its fields are made of them.
  private func hold(_ sample: Int, _ reading: Reading, _ process: ForwardProcess) {
    if let held, held == (sample, reading) { return }
    held = (sample, reading)
    transform(sample, reading, into: picture)
    process.normalize(picture)
    process.drawNoise(sample, reading, into: noise)
  }

  /// Writes the picture of `sample` in −1…1 over `slot`, without noise: what a model of diffusion learns to draw.
  package func readImage(_ sample: Int, into slot: TensorSlice) {
    guard let process = data.forwardProcess else { preconditionFailure("samples that no noise is added to") }
    transform(sample, .evaluation, into: slot)
    process.normalize(slot)
  }

  private func readInput(_ sample: Int, _ reading: Reading, into slot: TensorSlice) {
    transform(sample, reading, into: slot)
    if let mixing = data.mixing, case .training(let epoch) = reading {
      let draw = mixing.draw(sample, epoch: epoch)
      transform(draw.partner, reading, into: partner)
      mixing.mix(partner, draw, into: slot)
    }
    data.standardization?.apply(to: slot)
  }

  private func transform(_ sample: Int, _ reading: Reading, into slot: TensorSlice) {
    // Only who asks for views pays for their memory, once.
    if case .view = reading { canvas.reserve(slot.count) }
    data.transform(sample, reading, on: &canvas, into: slot)
  }

  /// The classes' shares in the target: 1 for a sample's own, less where it is mixed.
  private func readShares(_ sample: Int, _ reading: Reading, into slot: TensorSlice) {
    slot.zero()
    guard let mixing = data.mixing, case .training(let epoch) = reading else {
      return add(1, toClassOf: sample, reading, slot)
    }
    let draw = mixing.draw(sample, epoch: epoch)
    add(draw.share, toClassOf: sample, reading, slot)
    add(1 - draw.share, toClassOf: draw.partner, reading, slot)
  }

  private func add(_ share: Float, toClassOf sample: Int, _ reading: Reading, _ slot: TensorSlice) {
    data.source.read(sample, reading, field: data.targetField, into: label)
    var shares = slot.mutableFloats
    shares[Int(label.integers[0])] += share
  }
}
