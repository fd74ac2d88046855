import Arenas

/// Reads samples of a data set as the model sees them: transformed, mixed, standardised.
///
/// It holds the memory that this takes, so every stage that reads has one of its own; reading allocates nothing.
package final class SampleReader {
  private let data: Dataset
  private var canvas: ImageCanvas
  /// Room for the input and the label of a sample that another one is mixed with.
  private let partner: TensorSlice
  private let label: TensorSlice
  // Keeps the memory of both alive.
  private let arena: Arena

  package init(_ data: Dataset) {
    self.data = data
    canvas = ImageCanvas(capacity: data.augmentation?.capacity ?? 0)
    let inputs = data.mixing == nil ? 0 : data.fields[data.inputField].shape.elementCount
    let offset = Arena.aligned(inputs * ElementType.float32.byteCount)
    arena = Arena(byteCount: offset + ElementType.int32.byteCount)
    partner = arena.slice(offset: 0, count: inputs, type: .float32)
    label = arena.slice(offset: offset, count: 1, type: .int32)
  }

  /// Bytes that a reader of `data` takes.
  package static func byteCount(_ data: Dataset) -> Int {
    let partner = data.mixing == nil ? 0 : data.fields[data.inputField].shape.elementCount * 4
    return ImageCanvas.byteCount(capacity: data.augmentation?.capacity ?? 0) + partner
  }

  /// Writes field number `field` of `sample` (an index into the source) over `slot`.
  package func read(_ sample: Int, _ reading: Reading, field: Int, into slot: TensorSlice) {
    if field == data.inputField {
      readInput(sample, reading, into: slot)
    } else if field == data.targetField, data.mixing != nil {
      readShares(sample, reading, into: slot)
    } else {
      data.source.read(sample, reading, field: field, into: slot)
    }
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
