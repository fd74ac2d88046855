import Tensors

/// The outline of a shape in its image, with random place, size, angle and form.
///
/// A polygon is the set of points behind enough of its lines: all of them for triangle and square, four of five for the
/// star, whose lines are those of the pentagram.
struct ShapesOutline {
  private static let points = Points()

  private let center: SIMD2<Float>
  private let axis: SIMD2<Float>
  private let stretch: Float
  /// Nil for a circle.
  private let lines: [SIMD2<Float>]
  private let needed: Float
  /// The circle's radius, or the lines' distance from the middle.
  private let distance: Float
  let rows: Range<Int>
  let columns: Range<Int>

  /// The 4×4 points of a pixel, from its upper left corner.
  private struct Points {
    let x: SIMD16<Float>
    let y: SIMD16<Float>

    init() {
      var (x, y) = (SIMD16<Float>.zero, SIMD16<Float>.zero)
      for point in 0..<16 {
        x[point] = (Float(point % 4) + 0.5) / 4
        y[point] = (Float(point / 4) + 0.5) / 4
      }
      (self.x, self.y) = (x, y)
    }
  }

  /// Directions of equal angles, the first upwards: cosines and sines are written out, as libraries round them
  /// differently.
  private static let triangle: [SIMD2<Float>] = [[0, 1], [-0.866_025_4, -0.5], [0.866_025_4, -0.5]]
  private static let square: [SIMD2<Float>] = [[1, 0], [0, 1], [-1, 0], [0, -1]]
  private static let star: [SIMD2<Float>] = [
    [0, 1], [-0.951_056_5, 0.309_017], [-0.587_785_25, -0.809_017], [0.587_785_25, -0.809_017],
    [0.951_056_5, 0.309_017],
  ]
  /// A triangle's lines lie at half its radius, a square's at 1/√2, a pentagram's at cos 72°.
  private static let distances: (triangle: Float, square: Float, star: Float) = (0.5, 0.707_106_8, 0.309_017)

  /// Shapes are at most 36° from upright.
  private static let largestTurn: Float = 0.1

  init(_ shape: ShapesRenderer.Shape, _ dice: inout SampleDice, side: Int) {
    let radius: Float
    let base = 6 + 4.5 * dice.unit()
    // Radii that make areas less different.
    switch shape {
    case .circle: (radius, lines, needed, distance) = (base * 0.9, [], 0, base * 0.9)
    case .square: (radius, lines, needed, distance) = (base * 1.1, Self.square, 4, base * 1.1 * Self.distances.square)
    case .triangle:
      (radius, lines, needed, distance) = (base * 1.25, Self.triangle, 3, base * 1.25 * Self.distances.triangle)
    case .star: (radius, lines, needed, distance) = (base * 1.3, Self.star, 4, base * 1.3 * Self.distances.star)
    }
    stretch = 1 + 0.06 * dice.signed()
    axis = Self.direction(Self.largestTurn * dice.signed())
    let room = max(Float(side) / 2 - radius, 1)
    center = SIMD2(dice.signed(), dice.signed()) * room + Float(side) / 2
    let reach = radius * 1.08 + 1
    func pixels(_ middle: Float) -> Range<Int> {
      max(0, Int(middle - reach))..<min(side, Int(middle + reach) + 1)
    }
    rows = pixels(center.y)
    columns = pixels(center.x)
  }

  /// The share of a pixel that the shape covers.
  func coverage(_ row: Int, _ column: Int) -> Float {
    let x = Self.points.x + (Float(column) - center.x)
    let y = Self.points.y + (Float(row) - center.y)
    // In the coordinates of the shape before it is turned and stretched.
    let u = (x * axis.x + y * axis.y) * stretch
    let v = y * axis.x - x * axis.y
    var inside = SIMD16<Float>.zero
    guard !lines.isEmpty else {
      inside.replace(with: 1, where: u * u + v * v .<= SIMD16(repeating: distance * distance))
      return inside.sum() / 16
    }
    for line in lines {
      var behind = SIMD16<Float>.zero
      behind.replace(with: 1, where: u * line.x + v * line.y .<= SIMD16(repeating: distance))
      inside += behind
    }
    var covered = SIMD16<Float>.zero
    covered.replace(with: 1, where: inside .>= SIMD16(repeating: needed))
    return covered.sum() / 16
  }

  /// Cosine and sine of a share of a whole turn, -1 … 1, by their series on an eighth of it: the same bits everywhere.
  static func direction(_ turn: Float) -> SIMD2<Float> {
    let turn = turn < 0 ? turn + 1 : turn
    let quarters = Int(turn * 4 + 0.5)
    let angle = (turn - Float(quarters) / 4) * 2 * Float.pi
    let square = angle * angle
    let sine = angle * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)))
    let cosine = 1 - square / 2 * (1 - square / 12 * (1 - square / 30))
    return switch quarters % 4 {
    case 0: SIMD2(cosine, sine)
    case 1: SIMD2(-sine, cosine)
    case 2: SIMD2(-cosine, -sine)
    default: SIMD2(sine, -cosine)
    }
  }
}
