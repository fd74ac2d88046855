import Formats
import Runs
import Tensors

/// Drawn pictures laid out to be looked at.
package struct ImageSheet {
  private let drawing: ImageDrawing
  /// Pictures in a row of the grid.
  package let columns: Int
  private let zoom: Int

  /// More columns than this are too many to look at.
  private static let mostColumns = 16
  /// Pixels along a tile's side, at least about.
  private static let tileSide = 64
  /// Rows of a strip.
  package static let mostRows = 16
  /// States of a strip, noise and picture among them.
  package static let stripStates = 12
  private static let background: UInt8 = 255

  /// - Parameter requests: different things that were asked for in turns; each has columns of its own, where there is room.
  package init(_ drawing: ImageDrawing, requests: Int) {
    self.drawing = drawing
    columns = Self.columns(drawing.count, requests: requests)
    zoom = Self.zoom(drawing.shape)
  }

  private static func columns(_ count: Int, requests: Int) -> Int {
    let square = min(Int(Double(count).squareRoot().rounded(.up)), mostColumns)
    // So that what is asked for comes back in the same columns.
    let turn = (1...mostColumns).last { requests % $0 == 0 } ?? 1
    return turn > 1 ? min(count, turn * max(1, square / turn)) : square
  }

  private static func zoom(_ shape: TensorShape) -> Int { max(1, tileSide / max(shape[0], shape[1])) }

  /// Pixels along a picture's longer side that PNG files are written with, at most.
  private static let longestSide = 1_000_000

  /// Refuses what would not fit a grid, before it is drawn.
  package static func check(_ count: Int, requests: Int, of shape: TensorShape) throws(RunError) {
    let rows = (count - 1) / columns(count, requests: requests) + 1
    guard rows > longestSide / (zoom(shape) * shape[0] + 2) else { return }
    throw RunError(
      .configuration,
      "--count \(count): a grid of so many pictures is higher than the \(longestSide) pixels of a PNG file; draw fewer at a"
        + " time, with other seeds")
  }

  /// Bytes of a sheet of so many pictures while it is made: the tiles, the sheet, and as much again for its file.
  package static func byteCount(_ shape: TensorShape, pictures: Int) -> Int {
    let side = zoom(shape)
    return 3 * pictures * shape.elementCount * side * side
  }

  /// All pictures, row by row.
  package var grid: Image {
    sheet((0..<drawing.count).map(drawing.image), columns: columns)
  }

  /// After how many of a process's steps the states of a strip are.
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

  private func sheet(_ tiles: [Image], columns: Int) -> Image {
    Image(sheet: tiles.map { $0.magnified(by: zoom) }, columns: columns, background: Self.background)
  }
}
