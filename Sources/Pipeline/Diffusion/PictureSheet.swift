import ImageFiles

/// Drawn pictures laid out to be looked at.
package struct PictureSheet {
  private let drawing: PictureDrawing
  /// Pictures in a row of the grid.
  package let columns: Int
  private let zoom: Int

  /// More columns than this are too many to look at.
  private static let mostColumns = 32
  /// Pixels along a tile's side, at least about.
  private static let tileSide = 64
  /// Rows of a strip.
  package static let mostRows = 16
  /// States of a strip, noise and picture among them.
  package static let stripStates = 12
  /// Pictures in the frames of an animation, and frames.
  package static let mostAnimated = 64
  package static let mostFrames = 48
  private static let background: UInt8 = 255
  private static let frameDuration: UInt16 = 60
  private static let lastDuration: UInt16 = 2000

  /// - Parameter wishes: different things that were asked for in turns; a column each, where there is room.
  package init(_ drawing: PictureDrawing, wishes: Int) {
    self.drawing = drawing
    let square = Int(Double(drawing.count).squareRoot().rounded(.up))
    columns = wishes > 1 && wishes <= Self.mostColumns ? min(wishes, drawing.count) : min(square, Self.mostColumns)
    zoom = max(1, Self.tileSide / max(drawing.shape[0], drawing.shape[1]))
  }

  /// All pictures, row by row.
  package var grid: Image {
    sheet((0..<drawing.count).map(drawing.image), columns: columns)
  }

  /// After how many of a process's steps the states of a strip, or the frames of an animation, are.
  package static func moments(_ count: Int, of steps: Int) -> [Int] {
    let count = min(count, steps + 1)
    guard count > 1 else { return [steps] }
    return (0..<count).map { ($0 * steps * 2 + count - 1) / (2 * (count - 1)) }
  }

  /// The way from noise to picture: a row is a picture, a column a state.
  package func strip(_ moments: [Int]) -> Image {
    let states = moments.compactMap(drawing.moments.firstIndex(of:))
    let rows = min(drawing.watched, Self.mostRows)
    return sheet((0..<rows).flatMap { row in states.map { drawing.image(row, at: $0) } }, columns: states.count)
  }

  /// The grid as it comes out of the noise, as an APNG file.
  package func animation(_ moments: [Int]) throws(ImageError) -> [UInt8] {
    let states = moments.compactMap(drawing.moments.firstIndex(of:))
    var frames: [AnimatedPNG.Frame] = []
    for state in states {
      let tiles = (0..<min(drawing.watched, Self.mostAnimated)).map { drawing.image($0, at: state) }
      frames.append(
        AnimatedPNG.Frame(
          sheet(tiles, columns: min(columns, tiles.count)),
          duration: state == states.last ? Self.lastDuration : Self.frameDuration))
    }
    return try AnimatedPNG.encode(frames)
  }

  private func sheet(_ tiles: [Image], columns: Int) -> Image {
    Image(sheet: tiles.map { $0.magnified(by: zoom) }, columns: columns, background: Self.background)
  }
}
