import Tensors

/// Reads samples of a data set as the model sees them: transformed, mixed, standardized.
///
/// Every stage that reads has a reader, which owns the memory for it; only the first view allocates.
package final class SampleReader {
  private let data: Dataset
  private var canvas: ImageCanvas
  /// The input and the label of the sample to mix with.
  private let partner: TensorSlice
  private let label: TensorSlice
  /// Of diffusion: the image in −1…1 and the noise of the sample in `held`.
  private let image: TensorSlice
  private let noise: TensorSlice
  private var held: (sample: Int, reading: Reading)?
  // Keeps their memory alive.
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
    image = arena.slice(offset: noisy, count: values, type: .float32)
    noise = arena.slice(offset: noisy + scratch / 2, count: values, type: .float32)
  }

  /// Bytes that a reader of `data` takes.
  package static func byteCount(_ data: Dataset) -> Int {
    let partner = data.mixing == nil ? 0 : data.fields[data.inputField].shape.elementCount * 4
    return ImageCanvas.byteCount(capacity: data.augmentation?.capacity ?? 0) + partner
      + (data.forwardProcess?.scratchByteCount ?? 0)
  }

  /// Writes field number `field` of `sample` (an index into the source) over `output`.
  package func read(_ sample: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    if let process = data.forwardProcess {
      read(sample, reading, field: field, of: process, into: output)
    } else if field == data.inputField {
      readInput(sample, reading, into: output)
    } else if field == data.targetField, data.mixing != nil {
      readShares(sample, reading, into: output)
    } else {
      data.source.read(sample, reading, field: field, into: output)
    }
  }

  private func read(
    _ sample: Int, _ reading: Reading, field: Int, of process: ForwardProcess, into output: TensorSlice
  ) {
    let draw = process.draw(sample, reading)
    switch process.roles[field] {
    case .input:
      hold(sample, reading, process)
      process.mix(image, noise, at: draw.time, into: output)
    case .target:
      hold(sample, reading, process)
      process.target(image, noise, at: draw.time, into: output)
    case .time:
      var time = output.mutableIntegers
      time[0] = Int32(draw.time)
    case .weight:
      var weight = output.mutableFloats
      weight[0] = Float(process.settings.weight(draw.time))
    case .condition:
      guard let condition = process.condition else { preconditionFailure("a field for a condition that is not there") }
      data.source.read(sample, reading, field: condition.sourceField, into: label)
      condition.write(draw.isUnconditional ? nil : Int(label.integers[0]), into: output)
    }
  }

  /// Fills `image` and `noise`, which two fields of a sample share.
  private func hold(_ sample: Int, _ reading: Reading, _ process: ForwardProcess) {
    if let held, held == (sample, reading) { return }
    held = (sample, reading)
    transform(sample, reading, into: image)
    process.normalize(image)
    process.drawNoise(sample, reading, into: noise)
  }

  /// Writes the image of `sample` in −1…1 over `output`, without noise: an example of a diffusion model's output.
  package func readImage(_ sample: Int, into output: TensorSlice) {
    guard let process = data.forwardProcess else { preconditionFailure("samples without noise") }
    transform(sample, .evaluation, into: output)
    process.normalize(output)
  }

  private func readInput(_ sample: Int, _ reading: Reading, into output: TensorSlice) {
    transform(sample, reading, into: output)
    if let mixing = data.mixing, case .training(let epoch) = reading {
      let draw = mixing.draw(sample, epoch: epoch)
      transform(draw.partner, reading, into: partner)
      mixing.mix(partner, draw, into: output)
    }
    data.standardization?.apply(to: output)
  }

  private func transform(_ sample: Int, _ reading: Reading, into output: TensorSlice) {
    // Only views need this memory.
    if case .view = reading { canvas.reserve(output.count) }
    data.transform(sample, reading, on: &canvas, into: output)
  }

  /// The classes' shares in the target: 1 for a sample's own, less where it is mixed.
  private func readShares(_ sample: Int, _ reading: Reading, into output: TensorSlice) {
    output.zero()
    guard let mixing = data.mixing, case .training(let epoch) = reading else {
      return add(1, toClassOf: sample, reading, output)
    }
    let draw = mixing.draw(sample, epoch: epoch)
    add(draw.share, toClassOf: sample, reading, output)
    add(1 - draw.share, toClassOf: draw.partner, reading, output)
  }

  private func add(_ share: Float, toClassOf sample: Int, _ reading: Reading, _ output: TensorSlice) {
    data.source.read(sample, reading, field: data.targetField, into: label)
    var shares = output.mutableFloats
    shares[Int(label.integers[0])] += share
  }
}
