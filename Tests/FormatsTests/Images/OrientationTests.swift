import Formats
import Testing

/// Images come as a viewer shows them: turned as their EXIF data say.
struct OrientationTests {
  /// EXIF data with an orientation behind another entry.
  private func tiff(_ orientation: Int, isLittle: Bool = true, type: UInt32 = 3) -> [UInt8] {
    func number(_ value: UInt32, _ count: Int) -> [UInt8] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      return isLittle ? bytes : bytes.reversed()
    }
    func entry(_ tag: UInt32, _ type: UInt32, _ value: UInt32) -> [UInt8] {
      let content = type == 3 ? number(value, 2) + [0, 0] : number(value, 4)
      return number(tag, 2) + number(type, 2) + number(1, 4) + content
    }
    return Array((isLittle ? "II" : "MM").utf8) + number(42, 2) + number(8, 4) + number(2, 2) + entry(0x0100, 4, 99)
      + entry(0x0112, type, UInt32(orientation)) + number(0, 4)
  }

  private func turned(_ file: [UInt8], _ tiff: [UInt8]) -> [UInt8] {
    let body = Array("Exif\0\0".utf8) + tiff
    let length = body.count + 2
    return Array(file[..<2]) + [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + body + file[2...]
  }

  /// 3 columns and 2 rows of gray levels as PNG.
  private func png(_ tiff: [UInt8]) -> [UInt8] {
    PNGFixture(
      width: 3, height: 2, colorType: 0, rows: [10, 20, 30, 40, 50, 60], chunks: [("eXIf", tiff)]
    ).bytes
  }

  /// What Pillow's `ImageOps.exif_transpose` makes of [[10, 20, 30], [40, 50, 60]].
  @Test(arguments: [
    (1, [[10, 20, 30], [40, 50, 60]]), (2, [[30, 20, 10], [60, 50, 40]]), (3, [[60, 50, 40], [30, 20, 10]]),
    (4, [[40, 50, 60], [10, 20, 30]]), (5, [[10, 40], [20, 50], [30, 60]]), (6, [[40, 10], [50, 20], [60, 30]]),
    (7, [[60, 30], [50, 20], [40, 10]]), (8, [[30, 60], [20, 50], [10, 40]]),
  ])
  func allEight(orientation: Int, rows: [[UInt8]]) throws {
    for isLittle in [true, false] {
      let file = png(tiff(orientation, isLittle: isLittle))
      let image = try decoded(file)
      #expect(image.width == rows[0].count && image.height == rows.count)
      #expect(image.bytes == rows.flatMap { $0 })
      #expect(try decoded(file, channels: 3).bytes == rows.flatMap { $0.flatMap { [$0, $0, $0] } })
      let header = try header(file)
      #expect(header.width == image.width && header.height == image.height)
      #expect(header.orientation.rawValue == orientation)
    }
  }

  /// A turned JPEG is the upright one, turned.
  @Test(arguments: 1...8) func jpeg(orientation: Int) throws {
    let file = try slope().jpeg(quality: 95)
    let upright = try decoded(file)
    let image = try decoded(turned(file, tiff(orientation, type: 4)))
    let isSwapped = orientation >= 5
    #expect(image.width == (isSwapped ? 24 : 40) && image.height == (isSwapped ? 40 : 24))
    let corners = [(0, 0), (0, 39), (23, 0), (23, 39)].map { upright[$0.0, $0.1, 1] }
    let order = [
      [0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 1, 0], [2, 3, 0, 1], [0, 2, 1, 3], [2, 0, 3, 1], [3, 1, 2, 0], [1, 3, 0, 2],
    ]
    let (bottom, right) = (image.height - 1, image.width - 1)
    let found = [(0, 0), (0, right), (bottom, 0), (bottom, right)].map { image[$0.0, $0.1, 1] }
    #expect(found == order[orientation - 1].map { corners[$0] })
  }

  /// Values that make no sense, and data that end early, leave the image as it is.
  @Test func damagedDataTurnNothing() throws {
    let whole = tiff(6)
    let upright = try decoded(png([]))
    for value in [0, 9, 255] { #expect(try decoded(png(tiff(value))) == upright) }
    for count in 0..<whole.count - 8 { #expect(try decoded(png(Array(whole.prefix(count)))) == upright, "\(count)") }
    var far = whole
    far.replaceSubrange(4..<8, with: [0xFF, 0xFF, 0xFF, 0x7F])
    #expect(try decoded(png(far)) == upright)
  }
}
