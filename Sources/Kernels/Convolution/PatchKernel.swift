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
    precondition(images.count == elementCount && patches.count == elementCount)
    switch (images.type, patches.type) {
    case (.float32, .float32): cut(images, patches, accumulate, Float.self, Float.self)
    case (.float32, .bfloat16): cut(images, patches, accumulate, Float.self, BFloat16.self)
    case (.bfloat16, .bfloat16): cut(images, patches, accumulate, BFloat16.self, BFloat16.self)
    default: preconditionFailure("no patches of \(patches.type) from \(images.type)")
    }
  }

  private func cut<E: VectorElement, P: VectorElement>(
    _ images: TensorSlice, _ patches: TensorSlice, _ accumulate: Bool, _ type: E.Type, _ patchType: P.Type
  ) {
    let (from, to) = (images.pointer(as: E.self), patches.pointer(as: P.self))
    forEachRun { image, patch in move(from + image, to + patch, accumulate) }
  }

  /// images = the patches put together, converted to their type; or images += that.
  package func join(_ patches: TensorSlice, into images: TensorSlice, accumulate: Bool) {
    precondition(images.count == elementCount && patches.count == elementCount)
    switch (patches.type, images.type) {
    case (.float32, .float32): join(patches, images, accumulate, Float.self, Float.self)
    case (.bfloat16, .float32): join(patches, images, accumulate, BFloat16.self, Float.self)
    case (.bfloat16, .bfloat16): join(patches, images, accumulate, BFloat16.self, BFloat16.self)
    default: preconditionFailure("no images of \(images.type) from patches of \(patches.type)")
    }
  }

  private func join<P: VectorElement, E: VectorElement>(
    _ patches: TensorSlice, _ images: TensorSlice, _ accumulate: Bool, _ patchType: P.Type, _ type: E.Type
  ) {
    let (from, to) = (patches.pointer(as: P.self), images.pointer(as: E.self))
    forEachRun { image, patch in move(from + patch, to + image, accumulate) }
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
