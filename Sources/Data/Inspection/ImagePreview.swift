import Tensors

/// Images as text: a character is one pixel wide and two high.
enum ImagePreview {
  static let shades: [Character] = [" ", "░", "▒", "▓", "█"]
  static let mostImages = 3
  /// Wider images do not fit a terminal.
  static let largestWidth = 64

  /// The first images side by side; nothing where samples are no gray or color images.
  static func rows(of source: MemorySamples) -> [String] {
    guard let column = source.columns.first, case .bytes(let levels) = column.values else { return [] }
    let shape = column.field.shape
    guard shape.rank == 3, shape[2] == 1 || shape[2] == 3, shape[1] <= largestWidth, shape[0] <= 2 * largestWidth
    else { return [] }
    let (height, width, channels) = (shape[0], shape[1], shape[2])
    return stride(from: 0, to: height, by: 2).map { row in
      (0..<min(mostImages, source.count)).map { image in
        String(
          (0..<width).map { column in
            var sum = 0
            var cells = 0
            for line in row..<min(row + 2, height) {
              let first = ((image * height + line) * width + column) * channels
              for level in levels[first..<first + channels] { sum += Int(level) }
              cells += channels
            }
            return shades[sum * shades.count / (256 * cells)]
          })
      }.joined(separator: " │ ")
    }
  }
}
