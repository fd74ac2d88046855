import Tensors

/// Bilinear resampling with antialiasing, as torchvision's and Pillow's: a triangle filter, as wide as a target pixel
/// where the image becomes smaller.
///
///     target[i] = Σ w(j)·source[j] / Σ w(j),   w(j) = max(0, 1 − |j + ½ − (i + ½)·s| / max(s, 1)),
///     s = source / target
struct Resampling {
  /// One axis of the image.
  private struct Axis {
    let count: Int
    let scale: Double
    let reach: Double

    init(from count: Int, to target: Int) {
      self.count = count
      scale = Double(count) / Double(target)
      reach = max(scale, 1)
    }

    /// The source pixels that pixel `index` is made of.
    func taps(_ index: Int) -> Range<Int> {
      let middle = (Double(index) + 0.5) * scale
      let first = max(Int(middle - reach + 0.5), 0)
      return first..<max(first + 1, min(Int(middle + reach + 0.5), count))
    }

    func weight(_ tap: Int, _ index: Int) -> Double {
      max(0, 1 - abs(Double(tap) + 0.5 - (Double(index) + 0.5) * scale) / reach)
    }

    func total(_ index: Int) -> Double { taps(index).reduce(0) { $0 + weight($1, index) } }
  }

  /// The part of the image that is resampled.
  struct Region: Equatable {
    var top = 0
    var left = 0
    var height: Int
    var width: Int

    init(_ shape: ImageShape) {
      height = shape.height
      width = shape.width
    }

    init(top: Int, left: Int, height: Int, width: Int) {
      self.top = top
      self.left = left
      self.height = height
      self.width = width
    }
  }

  /// Most values of the image between the two passes.
  static func workingCount(_ input: ImageShape, _ output: ImageShape) -> Int {
    max(input.count, output.count, output.height * input.rowCount)
  }

  /// Replaces the image by `region` of it in another size. Rows first: they are fewer afterwards, and whole rows are
  /// added at once.
  static func resample(_ canvas: inout ImageCanvas, _ region: Region, to output: ImageShape) {
    guard region != Region(canvas.shape) || canvas.shape != output else { return }
    let input = canvas.shape
    let channels = input.channels
    let between = ImageShape(height: output.height, width: region.width, channels: channels)
    let down = Axis(from: region.height, to: output.height)
    canvas.redraw(as: between) { source, target in
      for y in 0..<output.height {
        let row = target.slice(y * between.rowCount..<(y + 1) * between.rowCount)
        row.zero()
        let total = down.total(y)
        for tap in down.taps(y) {
          let start = (region.top + tap) * input.rowCount + region.left * channels
          add(source.slice(start..<start + between.rowCount), times: Float(down.weight(tap, y) / total), to: row)
        }
      }
    }
    guard region.width != output.width else { return }
    let across = Axis(from: region.width, to: output.width)
    canvas.redraw(as: output) { source, target in
      target.zero()
      let from = source.floats
      var to = target.mutableFloats
      for x in 0..<output.width {
        let total = across.total(x)
        for tap in across.taps(x) {
          let weight = Float(across.weight(tap, x) / total)
          for y in 0..<output.height {
            let (a, b) = ((y * between.width + tap) * channels, (y * output.width + x) * channels)
            for channel in 0..<channels { to[b + channel] += from[a + channel] * weight }
          }
        }
      }
    }
  }

  private static func add(_ source: TensorSlice, times weight: Float, to target: TensorSlice) {
    let from = source.floats
    var to = target.mutableFloats
    precondition(from.count == to.count)
    for i in to.indices { to[i] += from[i] * weight }
  }
}
