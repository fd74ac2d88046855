import Data
import Formats
import Foundation
import Tensors

/// Pictures to be drawn, and where they go: batches of a plan's rows, which lanes take in turns.
///
/// Lanes write memory of their own rows, so the object may be shared.
package final class ImageDrawing: Sendable {
  /// (height, width, channels).
  package let shape: TensorShape
  /// What the model is told of each picture.
  package let conditions: [[Int32]]
  /// After how many steps pictures are kept beside the last; ascending, 0 for the noise that they begin with.
  package let moments: [Int]
  /// The first so many pictures are kept at the moments.
  package let watched: Int
  private let rows: Int
  private let pictures: Arena
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
    pictures = Arena(byteCount: Self.byteCount(shape, pictures: conditions.count))
    states = Arena(byteCount: Self.byteCount(shape, pictures: moments.count * watched))
  }

  package var count: Int { conditions.count }
  package var batchCount: Int { (count + rows - 1) / rows }

  /// Bytes that so many pictures take.
  package static func byteCount(_ shape: TensorShape, pictures: Int) -> Int { 4 * shape.elementCount * pictures }

  /// Draws every `lanes`-th batch.
  ///
  /// - Parameter step: told after each step of a batch.
  package func run(
    _ sampler: ImageSampler, lane: Int, of lanes: Int, step: () -> Void = {}
  ) {
    precondition(sampler.rows == rows && sampler.elementCount == shape.elementCount)
    for batch in stride(from: lane, to: batchCount, by: lanes) {
      let numbers = batch * rows..<min((batch + 1) * rows, count)
      sampler.draw(first: numbers.lowerBound, Array(conditions[numbers])) { steps, x in
        if steps > 0 { step() }
        let isLast = steps == sampler.stepCount
        let moment = moments.firstIndex(of: steps)
        guard isLast || moment != nil else { return }
        for (row, number) in numbers.enumerated() {
          let picture = x.slice(row * shape.elementCount..<(row + 1) * shape.elementCount)
          if isLast { slot(number, in: pictures).copy(from: picture) }
          if let moment, number < watched { slot(moment * watched + number, in: states).copy(from: picture) }
        }
      }
    }
  }

  private func slot(_ number: Int, in arena: Arena) -> TensorSlice {
    arena.slice(offset: number * 4 * shape.elementCount, count: shape.elementCount, type: .float32)
  }

  /// Picture `number` in −1…1 over `slot`.
  package func copy(_ number: Int, into slot: TensorSlice) { slot.copy(from: self.slot(number, in: pictures)) }

  /// Whether every value of every picture is a number.
  package var isFinite: Bool {
    let values = pictures.all(as: .float32).floats
    for i in values.indices where !values[i].isFinite { return false }
    return true
  }

  /// Picture `number` as levels: −1 black, 1 white.
  package func image(_ number: Int) -> Image { image(slot(number, in: pictures)) }

  /// The same at one of `moments`, which is clipped to what can be seen.
  ///
  /// - Parameter number: below `watched`.
  package func image(_ number: Int, at moment: Int) -> Image {
    precondition(number < watched)
    return image(slot(moment * watched + number, in: states))
  }

  private func image(_ slot: TensorSlice) -> Image {
    let values = slot.floats
    return Image(levels: values, shape, black: -1, white: 1)
  }
}
