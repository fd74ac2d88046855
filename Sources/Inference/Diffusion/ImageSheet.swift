import Formats
import Runs
import Tensors

/// Drawn images, arranged in a grid or a strip.
package struct ImageSheet {
  private let drawing: ImageDrawing
  /// Images in a row of the grid.
  package let columns: Int
  private let zoom: Int

  /// The most columns of a grid.
  private static let mostColumns = 16
  /// The least side of a tile in pixels, about.
  private static let tileSide = 64
  /// The most rows of a strip.
  package static let mostRows = 16
  /// States of a strip, with the noise and the image.
  package static let stripStates = 12
  private static let background: UInt8 = 255

  /// - Parameter requests: the number of requests that were drawn in turns; each has its own columns if there is room.
  package init(_ drawing: ImageDrawing, requests: Int) {
    self.drawing = drawing
    columns = Self.columns(drawing.count, requests: requests)
    zoom = Self.zoom(drawing.shape)
  }

  private static func columns(_ count: Int, requests: Int) -> Int {
    let square = min(Int(Double(count).squareRoot().rounded(.up)), mostColumns)
    // A divisor of the requests, so that each stays in its columns.
    let turn = (1...mostColumns).last { requests % $0 == 0 } ?? 1
    return turn > 1 ? min(count, turn * max(1, square / turn)) : square
  }

  private static func zoom(_ shape: TensorShape) -> Int { max(1, tileSide / max(shape[0], shape[1])) }

  /// The longest side of a PNG file in pixels.
  private static let longestSide = 1_000_000

  /// Refuses a number of images that does not fit a grid, before they are drawn.
  package static func check(_ count: Int, requests: Int, of shape: TensorShape) throws(RunError) {
    let rows = (count - 1) / columns(count, requests: requests) + 1
    guard rows > longestSide / (zoom(shape) * shape[0] + 2) else { return }
    throw RunError(
      .configuration,
      "--count \(count): the grid is higher than the \(longestSide) pixels of a PNG file; draw fewer images at a"
        + " time, with other seeds")
  }

  /// Bytes while a sheet is made: of the tiles, of the sheet, and as many again for its file.
  package static func byteCount(_ shape: TensorShape, images: Int) -> Int {
    let side = zoom(shape)
    return 3 * images * shape.elementCount * side * side
  }

  /// All images, row by row.
  package var grid: Image {
    sheet((0..<drawing.count).map(drawing.image), columns: columns)
  }

  /// The numbers of steps after which a strip shows the states.
  package static func moments(_ count: Int, of steps: Int) -> [Int] {
    let count = min(count, steps + 1)
    guard count > 1 else { return [steps] }
    return (0..<count).map { ($0 * steps * 2 + count - 1) / (2 * (count - 1)) }
  }

  /// The path from noise to image: one row per image, one column per state.
  package func strip(_ moments: [Int]) -> Image {
    let states = moments.compactMap(drawing.moments.firstIndex(of:))
    let rows = min(drawing.watched, Self.mostRows)
    return sheet((0..<rows).flatMap { row in states.map { drawing.image(row, at: $0) } }, columns: states.count)
  }

  private func sheet(_ tiles: [Image], columns: Int) -> Image {
    Image(sheet: tiles.map { $0.magnified(by: zoom) }, columns: columns, background: Self.background)
  }
}
