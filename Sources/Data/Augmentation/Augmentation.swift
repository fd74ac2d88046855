import Tensors

/// The transforms of `"augmentation"`, one after another, for images of one shape.
///
/// Their random numbers are a pure function of (seed, epoch, sample, transform): neither lanes nor the loader's
/// position nor a resume change a pixel.
package struct Augmentation: Sendable {
  private let transforms: [any ImageTransform]
  private let seed: UInt64
  /// The shapes before the first and after the last transform.
  package let input: ImageShape
  package let output: ImageShape
  /// Values of the largest intermediate image.
  package let capacity: Int
  /// The border that a random crop shows around images; nil without one.
  let border: ImageBorder?

  /// Each transform has 2²⁰ random numbers of its own.
  private static let numbersPerTransform = 1 << 20
  /// There are 2²⁴ streams; the higher bits of a sample's number choose the elements within its stream.
  private static let streamBits = 24

  /// - Returns: nil without transforms.
  /// - Parameters:
  ///   - field: the field to transform.
  ///   - name: the data set's, for errors.
  package init?(_ transforms: [any ImageTransform], of field: SampleField, seed: UInt64, name: String) throws(DataError)
  {
    guard !transforms.isEmpty else { return nil }
    guard field.type == .float32, let shape = ImageShape(field.shape) else {
      throw DataError(
        name, at: "data.augmentation", expected: "images [height, width, channels] of 1 to 4 channels",
        found: "\(field.type.rawValue) inputs \(field.shape)", advice: "remove augmentation")
    }
    var current = shape
    var capacity = shape.count
    for (index, transform) in transforms.enumerated() {
      do throws(DataError) {
        let next = try transform.shape(after: current)
        capacity = max(capacity, transform.workingCount(current, next))
        current = next
      } catch {
        var error = error
        error.subject = name
        error.place = "data.augmentation[\(index)] (\(type(of: transform).kind))"
        throw error
      }
    }
    self.transforms = transforms
    self.seed = seed
    self.capacity = capacity
    border = transforms.lazy.compactMap(\.border).first
    input = shape
    output = current
  }

  /// Transforms the image on `canvas`, which is sample number `sample`.
  package func apply(to canvas: inout ImageCanvas, _ sample: Int, _ reading: Reading) {
    for index in transforms.indices {
      var dice = dice(sample, reading, transform: index)
      transforms[index].apply(to: &canvas, &dice)
    }
  }

  private func dice(_ sample: Int, _ reading: Reading, transform: Int) -> SampleDice? {
    guard case .training(let epoch) = reading else { return nil }
    let stream = RandomStream(seed: seed, purpose: .augmentation, step: epoch, stream: sample)
    return SampleDice(stream, from: (sample >> Self.streamBits) << 40 + transform * Self.numbersPerTransform)
  }
}
