import Data
import Formats
import Foundation
import Tensors

/// Images that lanes draw in turns, in batches of a plan's rows.
///
/// Each lane writes only its own rows, so the object may be shared.
package final class ImageDrawing: Sendable {
  /// (height, width, channels).
  package let shape: TensorShape
  /// The condition of each image.
  package let conditions: [[Int32]]
  /// The numbers of steps after which intermediate images are kept; ascending, 0 for the noise.
  package let moments: [Int]
  /// The number of images, from the first, that are kept at the moments.
  package let watched: Int
  private let rows: Int
  private let images: Arena
  private let states: Arena

  package init(
    _ shape: TensorShape, _ conditions: [[Int32]], rows: Int, moments: [Int] = [], watched: Int = 0
  ) {
    precondition(!conditions.isEmpty && rows > 0 && watched <= conditions.count)
    self.shape = shape
    self.conditions = conditions
    self.rows = rows
    self.moments = moments
    self.watched = watched
    images = Arena(byteCount: Self.byteCount(shape, images: conditions.count))
    states = Arena(byteCount: Self.byteCount(shape, images: moments.count * watched))
  }

  package var count: Int { conditions.count }
  package var batchCount: Int { (count + rows - 1) / rows }

  /// Bytes of a number of images.
  package static func byteCount(_ shape: TensorShape, images: Int) -> Int { 4 * shape.elementCount * images }

  /// Draws every `lanes`-th batch.
  ///
  /// - Parameter step: called after each step of a batch.
  package func run(_ sampler: ImageSampler, lane: Int, of lanes: Int, step: () -> Void = {}) {
    precondition(sampler.rows == rows && sampler.elementCount == shape.elementCount)
    for batch in stride(from: lane, to: batchCount, by: lanes) {
      let numbers = batch * rows..<min((batch + 1) * rows, count)
      sampler.draw(first: numbers.lowerBound, Array(conditions[numbers])) { steps, x in
        if steps > 0 { step() }
        let isLast = steps == sampler.stepCount
        let moment = moments.firstIndex(of: steps)
        guard isLast || moment != nil else { return }
        for (row, number) in numbers.enumerated() {
          let image = x.slice(row * shape.elementCount..<(row + 1) * shape.elementCount)
          if isLast { slice(number, in: images).copy(from: image) }
          if let moment, number < watched { slice(moment * watched + number, in: states).copy(from: image) }
        }
      }
    }
  }

  private func slice(_ number: Int, in arena: Arena) -> TensorSlice {
    arena.slice(offset: number * 4 * shape.elementCount, count: shape.elementCount, type: .float32)
  }

  /// Copies image `number`, in −1…1.
  package func copy(_ number: Int, into destination: TensorSlice) { destination.copy(from: slice(number, in: images)) }

  /// Whether all values are finite.
  package var isFinite: Bool {
    let values = images.all(as: .float32).floats
    for i in values.indices where !values[i].isFinite { return false }
    return true
  }

  /// Image `number` as levels: −1 is black, 1 white.
  package func image(_ number: Int) -> Image { image(slice(number, in: images)) }

  /// The same at one of `moments`, with values clipped.
  ///
  /// - Parameter number: below `watched`.
  package func image(_ number: Int, at moment: Int) -> Image {
    precondition(number < watched)
    return image(slice(moment * watched + number, in: states))
  }

  private func image(_ values: TensorSlice) -> Image { Image(levels: values.floats, shape, black: -1, white: 1) }
}
