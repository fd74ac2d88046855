import Tensors

/// An image that is being transformed: [height, width, channels] float32 in 0…1, in memory that is used again.
///
/// Transforms of single pixels change `pixels`; those that move pixels redraw into the other half of the memory.
package struct ImageCanvas: ~Copyable {
  package private(set) var shape = ImageShape(height: 0, width: 0, channels: 1)
  private var front: TensorSlice
  private var back: TensorSlice
  // Keeps the memory of both halves alive.
  private let arena: Arena

  /// - Parameter capacity: values of the largest intermediate image.
  package init(capacity: Int) {
    let half = Arena.aligned(capacity * ElementType.float32.byteCount)
    arena = Arena(byteCount: 2 * half)
    front = arena.slice(offset: 0, count: capacity, type: .float32)
    back = arena.slice(offset: half, count: capacity, type: .float32)
  }

  /// Bytes that a canvas of that capacity takes.
  package static func byteCount(capacity: Int) -> Int {
    2 * Arena.aligned(capacity * ElementType.float32.byteCount)
  }

  /// Makes room for images of `capacity` values; the image may be lost.
  mutating func reserve(_ capacity: Int) {
    if capacity > front.count { self = ImageCanvas(capacity: capacity) }
  }

  package var pixels: TensorSlice { front.slice(0..<shape.count) }

  /// Starts an image, whose pixels the caller then writes.
  package mutating func begin(_ shape: ImageShape) { self.shape = shape }

  /// Replaces the image by one that `draw` makes from it.
  package mutating func redraw(as shape: ImageShape, _ draw: (_ source: TensorSlice, _ target: TensorSlice) -> Void) {
    draw(pixels, back.slice(0..<shape.count))
    swap(&front, &back)
    self.shape = shape
  }
}
