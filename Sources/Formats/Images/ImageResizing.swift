/// Bilinear resizing of an image to a given size, antialiased where it becomes smaller.
///
/// Along each axis, columns first, the levels are rounded to whole ones in between, all in integers:
///
///     target[i] = Σ w(j)·source[j] / Σ w(j),   w(j) = max(0, 1 − |j + ½ − (i + ½)·s| / max(s, 1)),
///     s = source / target
///
/// Source: the triangle filter of Heckbert, "Filtered Image Rescaling", Graphics Gems III (1992), as Pillow and
/// torchvision's `Resize` have it.
package struct ImageResizing: Sendable, Equatable {
  package enum Mode: String, CaseIterable, Sendable {
    /// Both sides to the wanted ones; proportions may change.
    case stretch
    /// Proportions stay; the smallest image that covers the wanted one is cut off on both sides alike.
    case crop
  }

  package let width: Int
  package let height: Int
  package let mode: Mode

  package init(width: Int, height: Int, mode: Mode) {
    precondition(width > 0 && height > 0, "\(height)×\(width)")
    self.width = width
    self.height = height
    self.mode = mode
  }

  /// Resizes an image [header.height, header.width, channels] of bytes.
  package func resized(_ pixels: [UInt8], width: Int, height: Int, channels: Int) -> [UInt8] {
    precondition(pixels.count == width * height * channels, "\(pixels.count) bytes for \(height)×\(width)×\(channels)")
    let whole = wholeSize(width: width, height: height)
    let columns = Axis(from: width, to: whole.width, keeping: self.width)
    let rows = Axis(from: height, to: whole.height, keeping: self.height)
    let narrow =
      columns.isIdentity
      ? pixels : Self.resample(pixels, lines: height, columns, stride: channels, lineStride: width * channels)
    if rows.isIdentity { return narrow }
    return Self.resampleRows(narrow, rows, rowCount: self.width * channels)
  }

  /// The size of the whole image after scaling, before it is cropped; never below the wanted one.
  private func wholeSize(width: Int, height: Int) -> (width: Int, height: Int) {
    guard mode == .crop else { return (self.width, self.height) }
    // Sides of images are far below 2³¹.
    return width * self.height <= height * self.width
      ? (self.width, self.width * height / width) : (self.height * width / height, self.height)
  }

  /// Every line by itself: neighboring pixels are `stride` bytes apart.
  private static func resample(
    _ pixels: [UInt8], lines: Int, _ axis: Axis, stride channels: Int, lineStride: Int
  ) -> [UInt8] {
    var target: [UInt8] = []
    target.reserveCapacity(lines * axis.taps.count * channels)
    let (source, weights) = (pixels.span, axis.weights.span)
    for line in 0..<lines {
      for tap in axis.taps {
        for channel in 0..<channels {
          var sum = Axis.half
          var at = line * lineStride + tap.first * channels + channel
          for index in tap.weights {
            sum += Int32(source[at]) * weights[index]
            at += channels
          }
          target.append(Axis.level(sum))
        }
      }
    }
    return target
  }

  /// Whole rows are weighed and added at once.
  private static func resampleRows(_ pixels: [UInt8], _ axis: Axis, rowCount: Int) -> [UInt8] {
    var target: [UInt8] = []
    target.reserveCapacity(axis.taps.count * rowCount)
    var sums = [Int32](repeating: 0, count: rowCount)
    for tap in axis.taps {
      for at in sums.indices { sums[at] = Axis.half }
      for (row, index) in zip(tap.first..., tap.weights) {
        let weight = axis.weights[index]
        let source = pixels.span.extracting(row * rowCount..<(row + 1) * rowCount)
        var totals = sums.mutableSpan
        precondition(source.count == totals.count)
        for at in totals.indices { totals[at] += Int32(source[at]) * weight }
      }
      for sum in sums { target.append(Axis.level(sum)) }
    }
    return target
  }
}

/// The weights of one axis of an image.
private struct Axis {
  /// The source pixels that one target pixel is made of.
  struct Tap {
    var first: Int
    /// Where in `weights` theirs are.
    var weights: Range<Int>
  }

  /// Fixed point: a level times the weights, which add up to about 2²², fits 32 bits.
  private static let fractionBits: Int32 = 22
  static let half: Int32 = 1 << (fractionBits - 1)

  private(set) var taps: [Tap] = []
  private(set) var weights: [Int32] = []
  let isIdentity: Bool

  /// - Parameter kept: the wanted number of the `target` pixels, from the middle.
  init(from count: Int, to target: Int, keeping kept: Int) {
    isIdentity = count == target && target == kept
    if isIdentity { return }
    let scale = Double(count) / Double(target)
    let reach = max(scale, 1)
    let start = Int((Double(target - kept) / 2).rounded(.toNearestOrEven))
    for index in start..<start + kept {
      let middle = (Double(index) + 0.5) * scale
      let first = max(Int(middle - reach + 0.5), 0)
      let end = min(Int(middle + reach + 0.5), count)
      let shares = (first..<end).map { max(0, 1 - abs(Double($0) + 0.5 - middle) / reach) }
      let total = shares.reduce(0, +)
      taps.append(Tap(first: first, weights: weights.count..<weights.count + shares.count))
      weights += shares.map { Int32(($0 / total * Double(1 << Self.fractionBits)).rounded()) }
    }
  }

  /// A sum that began at `half`, as a level.
  static func level(_ sum: Int32) -> UInt8 { UInt8(max(0, min(255, sum >> fractionBits))) }
}
