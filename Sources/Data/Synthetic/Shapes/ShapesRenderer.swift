import Tensors

/// Draws colored shapes over textures: sample i under a seed is always the same bytes, on every machine.
///
/// Edges are anti-aliased: a pixel takes the shape's color by the share of 4×4 points in it that lie inside. Only
/// arithmetic that IEEE 754 rounds exactly is used.
struct ShapesRenderer {
  enum Shape: String, CaseIterable { case circle, square, triangle, star }

  static let side = 32
  static let valueCount = side * side * 3
  /// Raised whenever the images change: it is part of the fingerprint.
  static let version = 1

  static let colors: [(name: String, value: SIMD3<Float>)] = [
    ("red", [0.86, 0.13, 0.12]), ("green", [0.16, 0.65, 0.22]), ("blue", [0.13, 0.27, 0.86]),
    ("yellow", [0.96, 0.86, 0.14]), ("orange", [0.96, 0.52, 0.09]), ("purple", [0.54, 0.16, 0.70]),
    ("cyan", [0.16, 0.80, 0.85]), ("white", [0.95, 0.95, 0.95]),
  ]

  private let seed: UInt64
  private let clutter: Float
  private var canvas = [SIMD3<Float>](repeating: .zero, count: side * side)

  init(seed: UInt64, clutter: Float) {
    self.seed = seed
    self.clutter = clutter
  }

  /// Appends sample `index` [32, 32, 3] to `pixels` and returns the numbers of its shape and color.
  mutating func draw(_ index: Int, onto pixels: inout [UInt8]) -> (shape: Int, color: Int) {
    var dice = SampleDice(RandomStream(seed: seed, purpose: .generation, step: index, stream: 4))
    let number = dice.integer(below: Shape.allCases.count)
    let color = dice.integer(below: Self.colors.count)
    let tint = SIMD3(dice.bell(), dice.bell(), dice.bell()) * 0.03 + 0.06 * dice.signed()
    let ink = Self.clamped(Self.colors[color].value + tint)
    let texture = ShapesTexture(&dice, seed: seed, sample: index, avoiding: ink, strength: clutter)
    for row in 0..<Self.side {
      for column in 0..<Self.side { canvas[row * Self.side + column] = texture.color(row, column) }
    }
    let outline = ShapesOutline(Shape.allCases[number], &dice, side: Self.side)
    let slope = 0.012 * dice.signed()
    for row in outline.rows {
      for column in outline.columns {
        let share = outline.coverage(row, column)
        guard share > 0 else { continue }
        // Lit a little from one side.
        let light = 1 + slope * Float(column - Self.side / 2)
        let at = row * Self.side + column
        canvas[at] = canvas[at] * (1 - share) + ink * (light * share)
      }
    }
    finish(index, noise: (4 + 12 * dice.unit()) * clutter, onto: &pixels)
    return (number, color)
  }

  static func clamped(_ color: SIMD3<Float>) -> SIMD3<Float> { color.clamped(lowerBound: .zero, upperBound: .one) }

  /// Adds noise of the given amplitude in levels and rounds to bytes.
  private func finish(_ index: Int, noise: Float, onto pixels: inout [UInt8]) {
    let stream = RandomStream(seed: seed, purpose: .generation, step: index, stream: 5)
    for (position, color) in canvas.enumerated() {
      // Three of a block's four numbers: a pixel is a block.
      let words = stream.words(block: position)
      for channel in 0..<3 {
        let grain = (Float(words[channel] >> 8) * 0x1p-23 - 1) * noise
        pixels.append(UInt8(min(max(color[channel] * 255 + grain + 0.5, 0), 255)))
      }
    }
  }
}
