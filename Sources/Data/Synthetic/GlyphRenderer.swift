import Tensors

/// Draws handwritten-looking digits: sample i under a seed is always the same bytes, on every machine.
///
/// Random affine map and elastic displacement of a stroke skeleton after Simard, Steinkraus and Platt, "Best Practices
/// for Convolutional Neural Networks" (2003), then a pen of varying width, soft edges and pixel noise. Only arithmetic
/// that IEEE 754 rounds exactly is used.
struct GlyphRenderer {
  static let side = 28
  static let pixelCount = side * side
  /// Raised whenever the images change: it is part of the fingerprint.
  static let version = 1

  private let seed: UInt64
  private let distortion: Float
  private var ink = [Float](repeating: 0, count: pixelCount)
  private var blurred = [Float](repeating: 0, count: pixelCount)
  private var path: [SIMD2<Float>] = []
  private var stretched: [SIMD2<Float>] = []

  init(seed: UInt64, distortion: Float) {
    self.seed = seed
    self.distortion = distortion
  }

  /// Appends sample `index` to `pixels` [28, 28] and returns its digit.
  mutating func draw(_ index: Int, onto pixels: inout [UInt8]) -> Int {
    var dice = SampleDice(RandomStream(seed: seed, purpose: .generation, step: index, stream: 2))
    let digit = dice.integer(below: GlyphSkeletons.digits.count)
    let styles = GlyphSkeletons.digits[digit]
    let style = styles[dice.integer(below: styles.count)]
    let hand = GlyphHand(&dice, canvas: Float(Self.side), distortion: distortion)
    let radius = 1.3 + 0.3 * dice.bell() * min(distortion, 1)
    let softness = 0.7 + 0.4 * dice.unit()
    let wobble = 0.016 * distortion
    for i in ink.indices { ink[i] = 0 }
    for stroke in style {
      path.removeAll(keepingCapacity: true)
      for point in stroke.points {
        path.append(point + SIMD2(dice.bell(), dice.bell()) * wobble)
      }
      stretch(isCurved: stroke.isCurved)
      // The pen presses harder at one end.
      let first = radius * (1 + 0.12 * dice.bell())
      let last = radius * (1 + 0.12 * dice.bell())
      for i in stretched.indices { stretched[i] = hand.place(stretched[i]) }
      paint(from: max(first, 0.6), to: max(last, 0.6), softness: softness)
    }
    blur(0.12 * dice.unit())
    finish(index, brightness: 258 - 30 * dice.unit(), noise: 10 * dice.unit() * distortion, onto: &pixels)
    return digit
  }

  /// Turns `path` into points so close that straight lines between them look like the stroke.
  private mutating func stretch(isCurved: Bool) {
    stretched.removeAll(keepingCapacity: true)
    let pieces = isCurved ? 5 : 4
    for i in 0..<path.count - 1 {
      let a = path[i]
      let b = path[i + 1]
      // Catmull and Rom 1974: the tangent at a point is half the way between its neighbors.
      let before = isCurved ? (b - path[max(i - 1, 0)]) * 0.5 : b - a
      let after = isCurved ? (path[min(i + 2, path.count - 1)] - a) * 0.5 : b - a
      for piece in 0..<pieces {
        let t = Float(piece) / Float(pieces)
        let t2 = t * t
        let t3 = t2 * t
        let ends = a * (2 * t3 - 3 * t2 + 1) + b * (3 * t2 - 2 * t3)
        stretched.append(ends + before * (t3 - 2 * t2 + t) + after * (t3 - t2))
      }
    }
    if let end = path.last { stretched.append(end) }
  }

  /// Inks every pixel near the polyline by its distance from it.
  private mutating func paint(from first: Float, to last: Float, softness: Float) {
    let side = Self.side
    let segments = stretched.count - 1
    for segment in 0..<segments {
      let a = stretched[segment]
      let b = stretched[segment + 1]
      let along = b - a
      let lengthSquared = max((along * along).sum(), 1e-6)
      let radius = first + (last - first) * Float(segment) / Float(segments)
      let reach = radius + softness
      let columns = Self.pixels(min(a.x, b.x) - reach, max(a.x, b.x) + reach)
      let rows = Self.pixels(min(a.y, b.y) - reach, max(a.y, b.y) + reach)
      for row in rows {
        for column in columns {
          let point = SIMD2(Float(column) + 0.5, Float(row) + 0.5) - a
          let share = min(max((point * along).sum() / lengthSquared, 0), 1)
          let away = point - along * share
          let distance = (away * away).sum().squareRoot()
          let depth = min(max((reach - distance) / (2 * softness), 0), 1)
          let level = depth * depth * (3 - 2 * depth)
          ink[row * side + column] = max(ink[row * side + column], level)
        }
      }
    }
  }

  /// The pixels whose centers may lie between two coordinates.
  private static func pixels(_ low: Float, _ high: Float) -> Range<Int> {
    let first = Int(min(max(low, 0), Float(side)))
    let end = Int(min(max(high + 1, 0), Float(side)))
    return first..<max(first, end)
  }

  /// A cross-shaped blur: each neighbor gives `weight` of its ink.
  private mutating func blur(_ weight: Float) {
    let side = Self.side
    for row in 0..<side {
      for column in 0..<side {
        let at = row * side + column
        var neighbors: Float = 0
        if column > 0 { neighbors += ink[at - 1] }
        if column < side - 1 { neighbors += ink[at + 1] }
        if row > 0 { neighbors += ink[at - side] }
        if row < side - 1 { neighbors += ink[at + side] }
        blurred[at] = ink[at] * (1 - 4 * weight) + neighbors * weight
      }
    }
  }

  /// Adds noise of the given amplitude in gray levels and rounds to bytes.
  private func finish(_ index: Int, brightness: Float, noise: Float, onto pixels: inout [UInt8]) {
    let stream = RandomStream(seed: seed, purpose: .generation, step: index, stream: 3)
    for block in 0..<Self.pixelCount / 4 {
      let words = stream.words(block: block)
      for lane in 0..<4 {
        let grain = (Float(words[lane] >> 8) * 0x1p-23 - 1) * noise
        // Noise darkens and brightens ink, and leaves most of the empty ground black, as a scan's threshold does.
        let level = blurred[block * 4 + lane] * brightness + grain - noise * 0.5
        pixels.append(UInt8(min(max(level + 0.5, 0), 255)))
      }
    }
  }
}
