import Tensors

/// The surroundings of an image, for windows that reach over its edge.
package struct ImageBorder: Sendable {
  enum Mode: String, CaseIterable, Sendable {
    case constant, edge, reflect
  }

  let mode: Mode
  private let fill: Fill

  static let black = ImageBorder(.constant, fill: .black)

  init(_ mode: Mode, fill: Fill) {
    self.mode = mode
    self.fill = fill
  }

  func check(_ shape: ImageShape) throws(DataError) { try fill.check(shape) }

  /// Replaces the image by a window whose corner is at row `top` and column `left` of the image.
  func window(_ output: ImageShape, top: Int, left: Int, on canvas: inout ImageCanvas) {
    let input = canvas.shape
    guard input != output || top != 0 || left != 0 else { return }
    let channels = input.channels
    // Columns of the window that show the image itself.
    let first = min(max(0, -left), output.width)
    let end = max(first, min(output.width, input.width - left))
    canvas.redraw(as: output) { source, target in
      for y in 0..<output.height {
        let row = target.slice(y * output.rowCount..<(y + 1) * output.rowCount)
        guard let line = place(top + y, in: input.height) else {
          fill.paint(row, columns: 0..<output.width, channels: channels)
          continue
        }
        let from = source.slice(line * input.rowCount..<(line + 1) * input.rowCount)
        if first < end {
          row.slice(first * channels..<end * channels)
            .copy(from: from.slice((left + first) * channels..<(left + end) * channels))
        }
        paint(row, columns: 0..<first, from, left, input)
        paint(row, columns: end..<output.width, from, left, input)
      }
    }
  }

  private func paint(
    _ row: TensorSlice, columns: Range<Int>, _ source: TensorSlice, _ left: Int, _ input: ImageShape
  ) {
    guard mode != .constant else { return fill.paint(row, columns: columns, channels: input.channels) }
    for column in columns {
      guard let from = place(left + column, in: input.width) else { continue }
      row.slice(column * input.channels..<(column + 1) * input.channels)
        .copy(from: source.slice(from * input.channels..<(from + 1) * input.channels))
    }
  }

  /// The row or column to show at `index`, which may lie outside; nil for the fill.
  ///
  /// A mirror image that is too short, as of an image of one pixel, repeats its last pixel.
  private func place(_ index: Int, in extent: Int) -> Int? {
    switch mode {
    case _ where index >= 0 && index < extent: index
    case .constant: nil
    case .edge: min(max(index, 0), extent - 1)
    case .reflect: min(max(index < 0 ? -index : 2 * (extent - 1) - index, 0), extent - 1)
    }
  }
}
