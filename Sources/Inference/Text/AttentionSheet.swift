import Formats
import Runs

/// Attention weights as heat maps: one row of maps per layer, one map per head, one line per query, one column per key;
/// white is 0, the darkest blue 1.
package enum AttentionSheet {
  private static let cell = 9
  private static let gap = 14
  private static let longestLabel = 10
  private static let scaleWidth = 14
  private static let scaleHeight = 101

  /// - Throws: if the image would be too large.
  package static func draw(_ maps: [AttentionMap]) throws(RunError) -> Image {
    let labelSpace = gap + Image.textLength(String(repeating: "x", count: longestLabel))
    let head = Image.textHeight + 4
    let widest = maps.map { $0.heads * ($0.keys.count * cell + gap) }.max() ?? 0
    let titles = maps.map { Image.textLength($0.layer) }.max() ?? 0
    let width = max(widest + labelSpace, titles + gap) + gap + scaleWidth + Image.textLength("0.00") + gap
    let heights = maps.map { 2 * head + labelSpace + max($0.queries.count * cell, 1) + gap }
    let height = max(heights.reduce(gap, +), scaleHeight + 2 * gap)
    guard width * height <= Image.mostPixels else {
      throw RunError(
        .configuration,
        "--attention: an image of \(width)×\(height) pixels is too large; draw one layer (--layer) or a shorter prompt"
      )
    }
    var image = Image(width: width, height: height, channels: 3, filledWith: 255)
    var top = gap
    for (map, height) in zip(maps, heights) {
      draw(map, into: &image, top: top, labelSpace: labelSpace, head: head)
      top += height
    }
    drawScale(into: &image, column: width - gap - Image.textLength("0.00") - scaleWidth)
    return image
  }

  private static func draw(_ map: AttentionMap, into image: inout Image, top: Int, labelSpace: Int, head: Int) {
    image.write(map.layer, row: top, column: gap)
    let first = top + 2 * head + labelSpace
    for (index, label) in map.queries.enumerated() {
      let text = shortened(label)
      image.write(
        text, row: first + index * cell + 1, column: labelSpace - 3 - Image.textLength(text))
    }
    let size = map.queries.count * map.keys.count
    for number in 0..<map.heads {
      let left = labelSpace + number * (map.keys.count * cell + gap)
      image.write("head \(number)", row: top + head, column: left)
      for (index, label) in map.keys.enumerated() {
        image.write(shortened(label), row: first - 4, column: left + index * cell + 1, isVertical: true)
      }
      for place in 0..<size {
        image.fill(
          row: first + place / map.keys.count * cell, column: left + place % map.keys.count * cell, height: cell,
          width: cell, color(map.weights[number * size + place]))
      }
    }
  }

  private static func drawScale(into image: inout Image, column: Int) {
    for step in 0..<scaleHeight {
      let value = 1 - Float(step) / Float(scaleHeight - 1)
      image.fill(row: gap + step, column: column, height: 1, width: scaleWidth, color(value))
    }
    for (value, text) in [(Float(1), "1.00"), (0.5, "0.50"), (0, "0.00")] {
      let row = gap + Int((1 - value) * Float(scaleHeight - 1)) - Image.textHeight / 2
      image.write(text, row: row, column: column + scaleWidth + 3)
    }
  }

  private static func shortened(_ label: String) -> String {
    label.count <= longestLabel ? label : String(label.prefix(longestLabel - 1)) + "~"
  }

  /// From white over light blue to dark blue.
  static func color(_ weight: Float) -> [UInt8] {
    let stops: [[Float]] = [[246, 248, 252], [158, 202, 225], [66, 133, 198], [16, 78, 148], [8, 24, 76]]
    let place = max(0, min(1, weight)) * Float(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let share = place - Float(index)
    return (0..<3).map { UInt8((stops[index][$0] * (1 - share) + stops[index + 1][$0] * share).rounded()) }
  }
}
