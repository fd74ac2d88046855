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

  /// Calls `body` for up to sixteen channels (`lanes`) of every window; `output` and `image` are the elements at which
  /// the output pixel and the image begin, in the first of these channels.
  @inline(__always)
  func forEachVector(_ body: (_ output: Int, _ image: Int, _ window: Window, _ lanes: Int) -> Void) {
    var output = 0
    for image in 0..<batch {
      for row in 0..<vertical.outputSize {
        for column in 0..<horizontal.outputSize {
          let window = Window(rows: vertical.covered(row), columns: horizontal.covered(column))
          let start = image * vertical.size * horizontal.size * channels
          for channel in stride(from: 0, to: channels, by: 16) {
            body(output + channel, start + channel, window, min(16, channels - channel))
          }
          output += channels
        }
      }
    }
  }

  /// Calls `body` with the element at which each pixel of a window begins, row by row.
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
