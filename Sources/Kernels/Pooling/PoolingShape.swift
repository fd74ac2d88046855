/// Windows that slide over images (B, H, W, C), each giving one pixel of (B, H′, W′, C).
package struct PoolingShape: Sendable {
  package let batch: Int
  package let vertical: WindowAxis
  package let horizontal: WindowAxis
  package let channels: Int

  package init(batch: Int, vertical: WindowAxis, horizontal: WindowAxis, channels: Int) {
    self.batch = batch
    self.vertical = vertical
    self.horizontal = horizontal
    self.channels = channels
  }

  var inputCount: Int { batch * vertical.size * horizontal.size * channels }
  var outputCount: Int { batch * vertical.outputSize * horizontal.outputSize * channels }

  /// The pixels of the image under one window.
  struct Window {
    let rows: Range<Int>
    let columns: Range<Int>
    var count: Int { rows.count * columns.count }
  }

  /// Calls `body` with every window: where its output pixel starts, where its image starts, and what it covers.
  @inline(__always)
  func forEachWindow(_ body: (_ output: Int, _ image: Int, _ window: Window) -> Void) {
    var output = 0
    for image in 0..<batch {
      for row in 0..<vertical.outputSize {
        for column in 0..<horizontal.outputSize {
          body(
            output, image * vertical.size * horizontal.size * channels,
            Window(rows: vertical.covered(row), columns: horizontal.covered(column)))
          output += channels
        }
      }
    }
  }

  /// Calls `body` with where each pixel of a window starts, row by row.
  @inline(__always)
  func forEachPixel(of window: Window, in image: Int, _ body: (Int) -> Void) {
    for row in window.rows {
      for column in window.columns { body(image + (row * horizontal.size + column) * channels) }
    }
  }
}

extension WindowAxis {
  /// The elements of the input under the window at `position`, which is not dilated.
  func covered(_ position: Int) -> Range<Int> {
    let start = position * stride - paddingBefore
    return max(0, start)..<min(size, start + kernel)
  }
}
