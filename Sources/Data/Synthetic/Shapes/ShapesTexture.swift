import Tensors

/// A random background: two colors, and how they change over the image.
struct ShapesTexture {
  private enum Pattern: CaseIterable { case gradient, stripes, checks, clouds }

  private let pattern: Pattern
  private let first: SIMD3<Float>
  private let second: SIMD3<Float>
  private let axis: SIMD2<Float>
  private let period: Float
  private let phase: Float
  /// Two octaves of clouds.
  private let coarse: Lattice
  private let fine: Lattice

  /// Least squared distance of the background's colors from the shape's, in the unit cube.
  private static let contrast: Float = 0.18
  private static let attempts = 20
  private static let plain = SIMD3<Float>(repeating: 0.5)

  /// - Parameter ink: a color that the shape has and the background must not.
  init(
    _ dice: inout SampleDice, seed: UInt64, sample: Int, avoiding ink: SIMD3<Float>, strength: Float
  ) {
    pattern = Pattern.allCases[dice.integer(below: Pattern.allCases.count)]
    first = Self.color(&dice, from: Self.plain, spread: 0.9 * strength, avoiding: ink)
    second = Self.color(&dice, from: first, spread: 0.75 * strength, avoiding: ink)
    axis = ShapesOutline.direction(dice.unit())
    period = 5 + 9 * dice.unit()
    phase = dice.unit()
    let stream = RandomStream(seed: seed, purpose: .generation, step: sample, stream: 6)
    coarse = Lattice(stream, cell: period, isEmpty: pattern != .clouds)
    fine = Lattice(stream, cell: period / 2, isEmpty: pattern != .clouds)
  }

  private static func color(
    _ dice: inout SampleDice, from middle: SIMD3<Float>, spread: Float, avoiding ink: SIMD3<Float>
  ) -> SIMD3<Float> {
    var best = (color: middle, distance: Float(-1))
    for _ in 0..<attempts {
      let color = ShapesRenderer.clamped(middle + (SIMD3(dice.unit(), dice.unit(), dice.unit()) - 0.5) * spread)
      let away = color - ink
      let distance = (away * away).sum()
      if distance > best.distance { best = (color, distance) }
      if distance >= contrast { break }
    }
    return best.color
  }

  func color(_ row: Int, _ column: Int) -> SIMD3<Float> {
    let share = share(row, column)
    return first * (1 - share) + second * share
  }

  /// How much of the second color there is.
  private func share(_ row: Int, _ column: Int) -> Float {
    let place = SIMD2(Float(column), Float(row)) - Float(ShapesRenderer.side) / 2
    let along = (place * axis).sum()
    let across = place.y * axis.x - place.x * axis.y
    switch pattern {
    case .gradient: return min(max(along / Float(ShapesRenderer.side) + 0.5, 0), 1)
    case .stripes: return Self.wave(along / period + phase)
    case .checks:
      let (a, b) = (Self.wave(along / period + phase), Self.wave(across / period))
      return a + b - 2 * a * b
    case .clouds: return 0.65 * coarse.level(row, column) + 0.35 * fine.level(row, column)
    }
  }

  /// A wave between 0 and 1 with soft steps, of period 1.
  private static func wave(_ x: Float) -> Float {
    let saw = x - x.rounded(.down)
    let triangle = abs(2 * saw - 1)
    return min(max((triangle - 0.5) * 4 + 0.5, 0), 1)
  }

  /// Random numbers on a grid, and between them smoothly interpolated ones.
  private struct Lattice {
    private let cell: Float
    private let extent: Int
    private let numbers: [Float]

    init(_ stream: RandomStream, cell: Float, isEmpty: Bool) {
      self.cell = cell
      let extent = isEmpty ? 0 : Int(Float(ShapesRenderer.side) / cell) + 2
      self.extent = extent
      // Grids of different cells take different numbers.
      let first = Int(cell * 1024) << 16
      numbers = (0..<extent * extent).map { stream.uniform(first + ($0 / extent) << 8 + $0 % extent) }
    }

    func level(_ row: Int, _ column: Int) -> Float {
      let place = SIMD2(Float(column), Float(row)) / cell
      let (x, y) = (Int(place.x), Int(place.y))
      let inside = place - SIMD2(Float(x), Float(y))
      let weight = inside * inside * (3 - 2 * inside)
      let at = y * extent + x
      let upper = numbers[at] * (1 - weight.x) + numbers[at + 1] * weight.x
      let lower = numbers[at + extent] * (1 - weight.x) + numbers[at + extent + 1] * weight.x
      return upper * (1 - weight.y) + lower * weight.y
    }
  }
}
