/// The handwriting of a sample: a random affine map and elastic displacement of a skeleton's points.
struct GlyphHand {
  private let xAxis: SIMD2<Float>
  private let yAxis: SIMD2<Float>
  private let center: SIMD2<Float>
  /// Displacements in pixels at the corners of a grid over the unit box, row by row.
  private var elastic: [SIMD2<Float>]
  private static let grid = 3

  init(_ dice: inout SampleDice, canvas: Float, distortion: Float) {
    let rotation = 0.11 * distortion * dice.bell()
    let slant = 0.18 * distortion * dice.bell()
    let height = canvas * 0.71 * (1 + 0.09 * distortion * dice.bell())
    let width = canvas * 0.58 * (1 + 0.15 * distortion * dice.bell())
    // Sine and cosine by their series, good to 1e-5 at these angles and the same bits on every machine.
    let square = rotation * rotation
    let sine = rotation * (1 - square / 6 * (1 - square / 20))
    let cosine = 1 - square / 2 * (1 - square / 12)
    xAxis = SIMD2(cosine, sine) * width
    yAxis = SIMD2(-sine - slant, cosine) * height
    center = SIMD2(dice.bell(), dice.bell()) * (0.035 * canvas * distortion) + canvas / 2
    elastic = []
    let strength = 0.042 * canvas * distortion
    for _ in 0..<Self.grid * Self.grid { elastic.append(SIMD2(dice.bell(), dice.bell()) * strength) }
  }

  /// From the unit box to pixels.
  func place(_ point: SIMD2<Float>) -> SIMD2<Float> {
    let offset = point - 0.5
    return center + xAxis * offset.x + yAxis * offset.y + displacement(at: point)
  }

  /// Smooth interpolation between the grid's corners.
  private func displacement(at point: SIMD2<Float>) -> SIMD2<Float> {
    let cells = Float(Self.grid - 1)
    let scaled = SIMD2(min(max(point.x, 0), 1), min(max(point.y, 0), 1)) * cells
    let column = min(Int(scaled.x), Self.grid - 2)
    let row = min(Int(scaled.y), Self.grid - 2)
    let fraction = scaled - SIMD2(Float(column), Float(row))
    // Half straight, half smoothed: no visible kinks, and no flat spots at the corners.
    let weight = (fraction + fraction * fraction * (3 - 2 * fraction)) * 0.5
    let at = row * Self.grid + column
    let upper = elastic[at] * (1 - weight.x) + elastic[at + 1] * weight.x
    let lower = elastic[at + Self.grid] * (1 - weight.x) + elastic[at + Self.grid + 1] * weight.x
    return upper * (1 - weight.y) + lower * weight.y
  }
}
