import Data
import Foundation
import Tensors
import Testing

/// The result of each transform.
@Suite struct ImageTransformTests {
  private func set(_ transform: String, _ samples: MemorySamples) throws -> Dataset {
    try dataset(#""augmentation": [\#(transform)]"#, samples)
  }

  /// One transform's random numbers, as the data set draws them.
  private func dice(_ sample: Int, epoch: Int) -> SampleDice {
    SampleDice(RandomStream(seed: 5, purpose: .augmentation, step: epoch, stream: sample))
  }

  /// The window of an image [height, width, 3] that begins at (top, left), which may lie outside.
  private func window(
    _ pixels: [Float], _ extent: (Int, Int), at place: (Int, Int), _ size: (Int, Int),
    outside: (Int, Int, Int) -> Float
  ) -> [Float] {
    var values: [Float] = []
    for y in place.0..<place.0 + size.0 {
      for x in place.1..<place.1 + size.1 {
        for c in 0..<3 {
          let isInside = y >= 0 && y < extent.0 && x >= 0 && x < extent.1
          values.append(isInside ? pixels[(y * extent.1 + x) * 3 + c] : outside(y, x, c))
        }
      }
    }
    return values
  }

  @Test(arguments: ["constant", "edge", "reflect"], [(5, 4), (3, 6), (9, 8)])
  func cropsAnywhere(mode: String, size: (Int, Int)) throws {
    let samples = images(1, 5, 4)
    let pixels = samples.values(0, 0)
    let fill = mode == "constant" ? #", "fill": [0.25, 0.5, 0.75]"# : ""
    let set = try set(
      #"{"type": "random_crop", "size": [\#(size.0), \#(size.1)], "padding": 2, "padding_mode": "\#(mode)"\#(fill)}"#,
      samples)
    func outside(_ y: Int, _ x: Int, _ c: Int) -> Float {
      func reflected(_ i: Int, _ n: Int) -> Int { i < 0 ? -i : i >= n ? 2 * n - 2 - i : i }
      switch mode {
      case "constant": return 0.25 * Float(c + 1)
      case "edge": return pixels[(min(max(y, 0), 4) * 4 + min(max(x, 0), 3)) * 3 + c]
      default: return pixels[(reflected(y, 5) * 4 + reflected(x, 4)) * 3 + c]
      }
    }
    let places = (-2...7 - size.0).flatMap { y in (-2...6 - size.1).map { (y, $0) } }
    let windows = places.map { window(pixels, (5, 4), at: $0, size, outside: outside) }
    var counts = [Int](repeating: 0, count: windows.count)
    for epoch in 0..<40 * windows.count {
      let crop = set.values(0, 0, .training(epoch: epoch))
      counts[try #require(windows.firstIndex(of: crop), "no window of the image")] += 1
    }
    // Each is expected 40 times, give or take 6.
    #expect(counts.allSatisfy { $0 > 12 && $0 < 75 }, "\(counts)")
  }

  /// Windows may miss the image altogether.
  @Test(arguments: ["constant", "edge"]) func paddingMayBeWiderThanTheImage(mode: String) throws {
    let samples = images(1, 5, 4)
    let pixels = samples.values(0, 0)
    let set = try set(#"{"type": "random_crop", "padding": 9, "padding_mode": "\#(mode)"}"#, samples)
    let windows = (-9...9).flatMap { y in (-9...9).map { (y, $0) } }.map { place in
      window(pixels, (5, 4), at: place, (5, 4)) { y, x, c in
        mode == "constant" ? 0 : pixels[(min(max(y, 0), 4) * 4 + min(max(x, 0), 3)) * 3 + c]
      }
    }
    for epoch in 0..<2000 { #expect(windows.contains(set.values(0, 0, .training(epoch: epoch)))) }
    let small = try self.set(
      #"{"type": "random_crop", "size": 2, "padding": 9, "padding_mode": "\#(mode)"}"#, samples)
    let seen = Set((0..<2000).map { small.values(0, 0, .training(epoch: $0)) })
    #expect(mode == "constant" ? seen.contains([Float](repeating: 0, count: 12)) : seen.count > 12)
  }

  @Test(arguments: [1, 2, 3, 4], [(4, 5), (3, 6)])
  func flips(channels: Int, extent: (Int, Int)) throws {
    let samples = images(1, extent.0, extent.1, channels)
    let pixels = samples.values(0, 0)
    for (kind, isVertical) in [("horizontal_flip", false), ("vertical_flip", true)] {
      var flipped: [Float] = []
      for y in 0..<extent.0 {
        for x in 0..<extent.1 {
          let from = isVertical ? (extent.0 - 1 - y, x) : (y, extent.1 - 1 - x)
          flipped += pixels[(from.0 * extent.1 + from.1) * channels..<(from.0 * extent.1 + from.1 + 1) * channels]
        }
      }
      let set = try set(#"{"type": "\#(kind)", "probability": 0.25}"#, samples)
      let results = (0..<1000).map { set.values(0, 0, .training(epoch: $0)) }
      #expect(results.allSatisfy { $0 == flipped || $0 == pixels })
      #expect(abs(results.count { $0 == flipped } - 250) < 60)
    }
  }

  /// Against the formula in float64, written the other way round: where each target pixel comes from.
  @Test func rotates() throws {
    let (height, width) = (6, 9)
    let samples = images(1, height, width)
    let pixels = samples.values(0, 0)
    let set = try set(#"{"type": "rotation", "degrees": 70, "fill": [0, 0.5, 1]}"#, samples)
    for epoch in 0..<8 {
      var dice = dice(0, epoch: epoch)
      let angle = Double(dice.signed()) * 70 / 180 * Double.pi
      let rotated = set.values(0, 0, .training(epoch: epoch))
      for y in 0..<height {
        for x in 0..<width {
          // Counter-clockwise on the screen, where y goes down: the source lies clockwise of the target.
          let turn = Complex(cos(angle), sin(angle)) * Complex(Double(x) - 4, Double(y) - 2.5)
          let (sx, sy) = (turn.re + 4, turn.im + 2.5)
          for c in 0..<3 {
            var level = 0.0
            for row in Int(floor(sy))...Int(floor(sy)) + 1 {
              for column in Int(floor(sx))...Int(floor(sx)) + 1 {
                let weight = (1 - abs(sy - Double(row))) * (1 - abs(sx - Double(column)))
                let isInside = row >= 0 && row < height && column >= 0 && column < width
                level += weight * (isInside ? Double(pixels[(row * width + column) * 3 + c]) : Double(c) / 2)
              }
            }
            #expect(abs(Double(rotated[(y * width + x) * 3 + c]) - level) < 1e-5)
          }
        }
      }
    }
    // A bright pixel right of the middle goes up when the angle is positive.
    var spot = [Float](repeating: 0, count: 49)
    spot[3 * 7 + 6] = 1
    let point = MemorySamples(
      name: "p", count: 1,
      columns: [
        .init(SampleField(name: SampleField.input, shape: TensorShape([7, 7, 1]), type: .float32), .floats(spot))
      ])
    let turning = try self.set(#"{"type": "rotation", "degrees": 90}"#, point)
    for epoch in 0..<10 {
      var dice = dice(0, epoch: epoch)
      let isCounterClockwise = dice.signed() > 0
      let turned = turning.values(0, 0, .training(epoch: epoch))
      let (above, below) = (turned[..<21].reduce(0, +), turned[28...].reduce(0, +))
      #expect(isCounterClockwise ? above > below : below > above)
    }
  }

  private struct Complex {
    let re: Double
    let im: Double

    init(_ re: Double, _ im: Double) { (self.re, self.im) = (re, im) }

    static func * (a: Complex, b: Complex) -> Complex { Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re) }
  }

  @Test func cutsHoles() throws {
    let samples = images(1, 8, 9)
    let pixels = samples.values(0, 0)
    let set = try set(#"{"type": "cutout", "size": 4, "fill": [2e-1, 0.4, 0.6]}"#, samples)
    var sizes: Set<[Int]> = []
    for epoch in 0..<300 {
      let result = set.values(0, 0, .training(epoch: epoch))
      let holes = (0..<72).filter { Array(result[$0 * 3..<$0 * 3 + 3]) == [0.2, 0.4, 0.6] }
      let (rows, columns) = (Set(holes.map { $0 / 9 }), Set(holes.map { $0 % 9 }))
      #expect(holes.count == rows.count * columns.count && rows.count >= 2 && columns.count >= 2)
      #expect(rows.count <= 4 && columns.count <= 4)
      sizes.insert([rows.count, columns.count])
      for pixel in Set(0..<72).subtracting(holes) {
        #expect(result[pixel * 3..<pixel * 3 + 3] == pixels[pixel * 3..<pixel * 3 + 3])
      }
    }
    #expect(sizes.count == 9, "cut off at the borders or not: \(sizes)")
    let odd = try self.set(#"{"type": "cutout", "size": 3, "fill": 2e-1}"#, images(1, 20, 20, 1))
    #expect((0..<40).contains { odd.values(0, 0, .training(epoch: $0)).count { $0 == 0.2 } == 9 })
  }

  /// `torch.nn.functional.interpolate(x, size, mode="bilinear", antialias=True)` of PyTorch 2.
  @Test func resizesLikePyTorch() throws {
    let source: [Float] = [
      0.0, 0.3063636, 0.68, 0.1209091, 0.6290909, 0.2045455, 0.8472727, 0.5572729, 0.3345455, 0.179091, 0.0909091,
      0.0700004, 0.1163635, 0.2299999, 0.4109095, 0.6590909, 0.9745455, 0.3572721, 0.8072731, 0.3245461, 0.9090909,
      0.5609089, 0.2800002, 0.0663619, 0.9199995, 0.8409091, 0.8290905, 0.8845465, 0.0072743, 0.197274, 0.4545455,
      0.7790916, 0.1709095, 0.6299993, 0.156361,
    ]
    let golden: [([Int], [Float])] = [
      (
        [3, 4],
        [
          0.283735, 0.335912, 0.266135, 0.39525, 0.493569, 0.528921, 0.53503, 0.592598, 0.241559, 0.431454, 0.616307,
          0.573753,
        ]
      ),
      (
        [2, 7],
        [
          0.34686, 0.39686, 0.514132, 0.198678, 0.450496, 0.224132, 0.610496, 0.350496, 0.342315, 0.401404, 0.709587,
          0.585042, 0.618677, 0.628677,
        ]
      ),
      (
        [8, 9],
        [
          0.0, 0.204242, 0.472424, 0.555758, 0.120909, 0.516162, 0.393232, 0.418788, 0.847273, 0.243807, 0.293731,
          0.381875, 0.382393, 0.107784, 0.322999, 0.263087, 0.303049, 0.577216, 0.548125, 0.419261, 0.29882, 0.201862,
          0.107557, 0.114186, 0.123466, 0.177064, 0.272443, 0.456648, 0.523996, 0.632469, 0.625537, 0.274034, 0.509577,
          0.40055, 0.405284, 0.696875, 0.457784, 0.513012, 0.607342, 0.655713, 0.533124, 0.754527, 0.631358, 0.621951,
          0.901421, 0.551534, 0.386307, 0.22344, 0.292391, 0.884829, 0.849034, 0.81589, 0.827065, 0.886081, 0.249489,
          0.238808, 0.256244, 0.408276, 0.840739, 0.547746, 0.604627, 0.636382, 0.474942, 0.007274, 0.133941, 0.311617,
          0.526667, 0.779092, 0.306061, 0.42596, 0.47212, 0.156361,
        ]
      ),
      (
        [5, 3],
        [
          0.277013, 0.387861, 0.525065, 0.380779, 0.122567, 0.147013, 0.638052, 0.624224, 0.636754, 0.334545, 0.657539,
          0.851429, 0.184547, 0.516631, 0.362466,
        ]
      ), ([1, 1], [0.463524]),
    ]
    // Two channels, the second upside down, so that they could be mistaken for one another.
    let interleaved = source.indices.flatMap { [source[$0], source[(4 - $0 / 7) * 7 + $0 % 7]] }
    let field = SampleField(name: SampleField.input, shape: TensorShape([5, 7, 2]), type: .float32)
    let samples = MemorySamples(name: "r", count: 1, columns: [.init(field, .floats(interleaved))])
    for (size, expected) in golden {
      let set = try set(#"{"type": "resize", "size": \#(size)}"#, samples)
      let result = set.values(0, 0)
      #expect(result.count == 2 * expected.count)
      for (index, level) in expected.enumerated() {
        let mirrored = (size[0] - 1 - index / size[1]) * size[1] + index % size[1]
        #expect(abs(result[2 * index] - level) < 2e-6, "\(size): pixel \(index)")
        #expect(abs(result[2 * mirrored + 1] - level) < 2e-6, "\(size): pixel \(index) of the second channel")
      }
    }
  }

  /// A window of an image whose levels are its coordinates shows where it lies and how large it is.
  @Test func cropsAndResizes() throws {
    let (height, width) = (40, 60)
    let coordinates = (0..<height * width).flatMap { [Float($0 / width) / 100, Float($0 % width) / 100] }
    let field = SampleField(name: SampleField.input, shape: TensorShape([height, width, 2]), type: .float32)
    let samples = MemorySamples(name: "w", count: 1, columns: [.init(field, .floats(coordinates))])
    let set = try set(#"{"type": "random_resized_crop", "size": [10, 8], "scale": [0.2, 0.6]}"#, samples)
    var (shares, forms): ([Float], [Float]) = ([], [])
    for epoch in 0..<400 {
      let result = set.values(0, 0, .training(epoch: epoch))
      // From the middle of the second to that of the last but one: the outermost pixels see the window's edge.
      let high = (result[2 * 8 * 8] - result[2 * 8]) * 100 * 10 / 7
      let wide = (result[2 * 6 + 1] - result[2 * 1 + 1]) * 100 * 8 / 5
      shares.append(high * wide / Float(height * width))
      forms.append(wide / high)
      #expect(result.allSatisfy { $0 >= 0 && $0 <= 0.59 })
    }
    #expect(shares.allSatisfy { $0 > 0.17 && $0 < 0.65 } && forms.allSatisfy { $0 > 0.7 && $0 < 1.42 })
    #expect(shares.contains { $0 < 0.25 } && shares.contains { $0 > 0.55 })
    #expect(forms.contains { $0 < 0.8 } && forms.contains { $0 > 1.25 })
    // No window of this form fits: the largest in the middle does.
    let narrow = try self.set(#"{"type": "random_resized_crop", "scale": [1, 1], "ratio": [0.5, 0.5]}"#, samples)
    #expect(narrow.values(0, 0, .training(epoch: 0)) == narrow.values(0, 0, .training(epoch: 1)))
    let middle = narrow.values(0, 0, .training(epoch: 0))
    #expect(abs(middle[1] - 0.2) < 0.01 && abs(middle[2 * 59 + 1] - 0.39) < 0.01 && middle[2 * 59 * 40 / 2] < 0.4)
  }

  private func changed(_ pixels: [Float], _ change: (TensorSlice) -> Void) -> [Float] {
    let arena = Arena(byteCount: pixels.count * 4)
    let output = arena.all(as: .float32)
    var values = output.mutableFloats
    for i in values.indices { values[i] = pixels[i] }
    change(output)
    return output.floats.indices.map { output.floats[$0] }
  }

  private func expectClose(_ a: [Float], _ b: [Float], location: SourceLocation = #_sourceLocation) {
    #expect(a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 }, "\(a), \(b)", sourceLocation: location)
  }

  /// Python's `colorsys` for hue; the other values follow torchvision's `adjust_brightness` and relatives by hand.
  @Test func mixesColors() {
    for (color, turn, expected) in [
      ([0.9, 0.2, 0.1], 0.25, [0.4, 0.9, 0.1]), ([0.1, 0.8, 0.3], -0.4, [0.8, 0.1, 0.18]),
      ([0.3, 0.3, 0.7], 0.5, [0.7, 0.7, 0.3]), ([0.5, 0.6, 0.6], 0.1, [0.5, 0.54, 0.6]),
      ([1, 1, 0], 1 / 3, [0, 1, 1]), ([0.4, 0.4, 0.4], 0.3, [0.4, 0.4, 0.4]),
    ] as [([Float], Float, [Float])] {
      expectClose(changed(color) { ColorMixing.turnHue($0, by: turn) }, expected)
    }
    expectClose(changed([0.5, 0.8, 0]) { ColorMixing.scale($0, by: 1.5) }, [0.75, 1, 0])
    let gray: Float = 0.2989 * 0.5 + 0.587 * 0.8 + 0.114 * 0.1
    let pixel: [Float] = [0.5, 0.8, 0.1]
    expectClose(changed(pixel) { ColorMixing.blendWithGray($0, 0.25) }, pixel.map { 0.25 * $0 + 0.75 * gray })
    expectClose(changed(pixel) { ColorMixing.blendWithGray($0, 0) }, [gray, gray, gray])
    let two = pixel + [1, 1, 1]
    let mean = (gray + 0.9999) / 2
    expectClose(
      changed(two) { ColorMixing.blendWithMean($0, channels: 3, 0.5) }, two.map { min(1, 0.5 * $0 + 0.5 * mean) })
    expectClose(changed([0, 1]) { ColorMixing.blendWithMean($0, channels: 1, 0.5) }, [0.25, 0.75])
  }

  /// Factors are uniform in their range, and the four changes come in any order.
  @Test func jittersColors() throws {
    let field = SampleField(name: SampleField.input, shape: TensorShape([1, 1, 3]), type: .float32)
    let samples = MemorySamples(name: "c", count: 1, columns: [.init(field, .floats([0.3, 0.2, 0.1]))])
    let bright = try set(#"{"type": "color_jitter", "brightness": 0.5}"#, samples)
    let factors = (0..<1000).map { bright.values(0, 0, .training(epoch: $0))[0] / 0.3 }
    #expect(factors.allSatisfy { $0 >= 0.4999 && $0 < 1.5001 })
    #expect(abs(factors.reduce(0, +) / 1000 - 1) < 0.04)
    #expect(factors.contains { $0 < 0.55 } && factors.contains { $0 > 1.45 })
    // Up to nothing at all, but not below.
    let dark = try set(#"{"type": "color_jitter", "brightness": 2}"#, samples)
    #expect((0..<100).allSatisfy { dark.values(0, 0, .training(epoch: $0))[0] >= 0 })
  }
}
