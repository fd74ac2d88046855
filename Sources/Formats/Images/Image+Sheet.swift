extension Image {
  /// Images side by side and row by row: samples to look at, a layer's filters, feature maps.
  ///
  /// Every tile is in the middle of a cell of the largest tile's size. The sheet has colors if any tile has.
  /// - Parameters:
  ///   - columns: by default about as many as there are rows.
  ///   - gap: pixels between tiles and around them.
  ///   - background: the level of gaps and of the rest of cells.
  package init(sheet tiles: [Image], columns: Int? = nil, gap: Int = 2, background: UInt8 = 255) {
    precondition(!tiles.isEmpty && gap >= 0 && (columns ?? 1) > 0, "\(tiles.count) tiles, gap \(gap)")
    let across = min(tiles.count, columns ?? Int(Double(tiles.count).squareRoot().rounded(.up)))
    let down = (tiles.count + across - 1) / across
    let cell = tiles.reduce((width: 0, height: 0)) { (max($0.width, $1.width), max($0.height, $1.height)) }
    var sheet = Image(
      width: gap + across * (cell.width + gap), height: gap + down * (cell.height + gap),
      channels: tiles.contains { $0.channels == 3 } ? 3 : 1, filledWith: background)
    for (index, tile) in tiles.enumerated() {
      sheet.place(
        tile.converted(toChannels: sheet.channels),
        row: gap + index / across * (cell.height + gap) + (cell.height - tile.height) / 2,
        column: gap + index % across * (cell.width + gap) + (cell.width - tile.width) / 2)
    }
    self = sheet
  }

  /// Every pixel as a square of `factor`×`factor`: filters of 3×3 are too small to see.
  package func magnified(by factor: Int) -> Image {
    precondition(factor > 0, "\(factor)")
    var magnified: [UInt8] = []
    magnified.reserveCapacity(bytes.count * factor * factor)
    for row in 0..<height {
      let start = magnified.count
      for column in 0..<width {
        let first = (row * width + column) * channels
        for _ in 0..<factor { magnified += bytes[first..<first + channels] }
      }
      let line = magnified[start...]
      for _ in 1..<factor { magnified += line }
    }
    return Image(width: width * factor, height: height * factor, channels: channels, bytes: magnified)
  }
}
