import Tensors

/// Images cut into square patches that touch and do not overlap, each a row of numbers.
///
/// B images of H × W pixels and C channels, patches of p × p pixels: images are (B, H, W, C), patches
/// (B·H/p·W/p, p·p·C), from left to right and then down. Within a patch the order is that of the image, channels last.
package struct PatchKernel: Sendable {
  package let images: Int
  package let height: Int
  package let width: Int
  package let channels: Int
  package let patch: Int

  package var elementCount: Int { images * height * width * channels }

  package init(images: Int, height: Int, width: Int, channels: Int, patch: Int) {
    precondition(height % patch == 0 && width % patch == 0)
    self.images = images
    self.height = height
    self.width = width
    self.channels = channels
    self.patch = patch
  }

  /// patches = the images cut up, converted to their type; or patches += that.
  package func cut(_ images: TensorSlice, into patches: TensorSlice, accumulate: Bool) {
    move(images, to: patches, accumulate, cuts: true)
  }

  /// images = the patches put together, converted to their type; or images += that.
  package func join(_ patches: TensorSlice, into images: TensorSlice, accumulate: Bool) {
    move(patches, to: images, accumulate, cuts: false)
  }

  private func move(_ x: TensorSlice, to y: TensorSlice, _ accumulate: Bool, cuts: Bool) {
    precondition(x.count == elementCount && y.count == elementCount)
    switch (x.type, y.type) {
    case (.float32, .float32): move(x, y, accumulate, cuts, Float.self, Float.self)
    case (.float32, .bfloat16): move(x, y, accumulate, cuts, Float.self, BFloat16.self)
    case (.bfloat16, .float32): move(x, y, accumulate, cuts, BFloat16.self, Float.self)
    case (.bfloat16, .bfloat16): move(x, y, accumulate, cuts, BFloat16.self, BFloat16.self)
    default: preconditionFailure("patches of \(x.type) cannot become \(y.type)")
    }
  }

  private func move<X: VectorElement, Y: VectorElement>(
    _ x: TensorSlice, _ y: TensorSlice, _ accumulate: Bool, _ cuts: Bool, _ from: X.Type, _ to: Y.Type
  ) {
    let (x, y) = (x.pointer(as: X.self), y.pointer(as: Y.self))
    forEachRun { image, patch in
      move(x + (cuts ? image : patch), y + (cuts ? patch : image), accumulate)
    }
  }

  /// Calls `body` with the place in the images and the place in the patches of every row of pixels of every patch.
  @inline(__always)
  private func forEachRun(_ body: (Int, Int) -> Void) {
    let run = patch * channels
    var place = 0
    for top in 0..<images * (height / patch) {
      for left in 0..<width / patch {
        for row in 0..<patch {
          body((top * patch + row) * width * channels + left * run, place)
          place += run
        }
      }
    }
  }

  @inline(__always)
  private func move<X: VectorElement, Y: VectorElement>(
    _ x: UnsafeMutablePointer<X>, _ y: UnsafeMutablePointer<Y>, _ accumulate: Bool
  ) {
    let run = patch * channels
    if accumulate {
      map(run, UnsafePointer(y), UnsafePointer(x), into: y) { $0 + $1 }
    } else {
      map(run, UnsafePointer(x), into: y) { $0 }
    }
  }
}
