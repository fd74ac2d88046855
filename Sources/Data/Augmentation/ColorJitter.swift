import Configuration
import Tensors

/// Brightness, contrast, saturation and hue changed at random, in a random order, as torchvision's `ColorJitter`.
///
/// A value v makes the factor uniform in max(0, 1 − v)…1 + v; "hue" turns the color circle by −hue…hue of a whole turn.
/// Brightness mixes with black, contrast with the mean gray, saturation with each pixel's gray.
package struct ColorJitter: ImageTransform {
  package static let kind = "color_jitter"
  package static let documentation = "brightness, contrast, saturation and hue changed by random factors"
  package static let examples = [
    #"{"type": "color_jitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.2}"#
  ]

  private let brightness: Float
  private let contrast: Float
  private let saturation: Float
  private let hue: Float

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    brightness = Float(try reader.number("brightness", default: 0, in: 0...10, "by a factor in 1 − this … 1 + this"))
    contrast = Float(try reader.number("contrast", default: 0, in: 0...10, "the same"))
    saturation = Float(try reader.number("saturation", default: 0, in: 0...10, "the same; color images only"))
    hue = Float(
      try reader.number("hue", default: 0, in: 0...0.5, "by up to this share of the color circle, either way"))
    try reader.require(
      brightness + contrast + saturation + hue > 0, nil,
      "never changes anything: give brightness, contrast, saturation or hue")
  }

  package func shape(after input: ImageShape) throws(DataError) -> ImageShape {
    guard input.channels == 3 || input.channels == 1 && saturation == 0 && hue == 0 else {
      throw refusal(
        expected: input.channels == 1 ? "no saturation and no hue for gray images" : "images of 1 or 3 channels",
        found: "images \(input)")
    }
    return input
  }

  package func apply(to canvas: inout ImageCanvas, _ dice: inout SampleDice?) {
    guard dice != nil else { return }
    // Drawn in any case, so that each factor's random numbers are its own.
    var order = SIMD4<UInt8>(0, 1, 2, 3)
    for last in stride(from: 3, to: 0, by: -1) {
      let other = dice?.integer(below: last + 1) ?? last
      (order[last], order[other]) = (order[other], order[last])
    }
    let bright = factor(brightness, &dice)
    let contrasted = factor(contrast, &dice)
    let saturated = factor(saturation, &dice)
    let turn = (dice?.signed() ?? 0) * hue
    let pixels = canvas.pixels
    for position in 0..<4 {
      switch order[position] {
      case 0: if brightness > 0 { ColorMixing.scale(pixels, by: bright) }
      case 1: if contrast > 0 { ColorMixing.blendWithMean(pixels, channels: canvas.shape.channels, contrasted) }
      case 2: if saturation > 0 { ColorMixing.blendWithGray(pixels, saturated) }
      default: if hue > 0 { ColorMixing.turnHue(pixels, by: turn) }
      }
    }
  }

  private func factor(_ amount: Float, _ dice: inout SampleDice?) -> Float {
    let lowest = max(0, 1 - amount)
    return lowest + (dice?.unit() ?? 0) * (1 + amount - lowest)
  }
}

extension SIMD3<Float> {
  /// Luma of ITU-R BT.601, rounded as torchvision has it.
  fileprivate var gray: Float { 0.2989 * x + 0.587 * y + 0.114 * z }
}

/// The arithmetic of `ColorJitter` on levels in 0…1; results are clamped to them.
package enum ColorMixing {
  package static func scale(_ pixels: TensorSlice, by factor: Float) {
    var values = pixels.mutableFloats
    for i in values.indices { values[i] = clamped(values[i] * factor) }
  }

  /// factor · x + (1 − factor) · mean gray of the image.
  package static func blendWithMean(_ pixels: TensorSlice, channels: Int, _ factor: Float) {
    var values = pixels.mutableFloats
    var sum = 0.0
    if channels == 3 {
      for i in stride(from: 0, to: values.count, by: 3) {
        sum += Double(SIMD3(values[i], values[i + 1], values[i + 2]).gray)
      }
    } else {
      for i in values.indices { sum += Double(values[i]) }
    }
    let rest = (1 - factor) * Float(sum / Double(values.count / channels))
    for i in values.indices { values[i] = clamped(values[i] * factor + rest) }
  }

  /// factor · x + (1 − factor) · the pixel's gray.
  package static func blendWithGray(_ pixels: TensorSlice, _ factor: Float) {
    var values = pixels.mutableFloats
    for i in stride(from: 0, to: values.count, by: 3) {
      let rest = (1 - factor) * SIMD3(values[i], values[i + 1], values[i + 2]).gray
      for channel in 0..<3 { values[i + channel] = clamped(values[i + channel] * factor + rest) }
    }
  }

  /// Turns the hue of the hexcone model (Smith 1978, "Color gamut transform pairs") by a share of a whole turn.
  package static func turnHue(_ pixels: TensorSlice, by turn: Float) {
    var values = pixels.mutableFloats
    for i in stride(from: 0, to: values.count, by: 3) {
      let (r, g, b) = (values[i], values[i + 1], values[i + 2])
      let value = max(r, g, b)
      let chroma = value - min(r, g, b)
      // A gray has no hue to turn.
      guard chroma > 0 else { continue }
      let sixth =
        if r == value { (g - b) / chroma } else if g == value { 2 + (b - r) / chroma } else { 4 + (r - g) / chroma }
      // In 0 ..< 6.
      let turned = sixth + 6 * turn
      let hue = turned - 6 * (turned / 6).rounded(.down)
      for channel in 0..<3 {
        // The channel's distance on the circle from its own color: full within 1, none beyond 2.
        let away = abs(hue - Float(2 * channel))
        values[i + channel] = value - chroma * clamped(min(away, 6 - away) - 1)
      }
    }
  }

  @inline(__always)
  private static func clamped(_ level: Float) -> Float { min(max(level, 0), 1) }
}
