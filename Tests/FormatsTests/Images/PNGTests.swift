import Formats
import Testing

struct PNGTests {
  @Test(arguments: [(1, 1, 1), (1, 1, 3), (33, 21, 3), (7, 64, 1), (300, 2, 3)])
  func comesBackAsItWas(width: Int, height: Int, channels: Int) throws {
    let image = sample(width: width, height: height, channels: channels)
    let file = try image.png()
    let header = try header(file)
    #expect(header.format == .png && header.width == width && header.height == height && header.channels == channels)
    #expect(try decoded(file) == image)
    #expect(try image.png() == file)
  }

  @Test func memoryIsUsedAgain() throws {
    let (small, large) = (sample(width: 5, height: 4, channels: 1), sample(width: 60, height: 50))
    var pixels: [UInt8] = []
    for image in [large, small, large, small] {
      let file = try image.png()
      try ImageDecoder.decode(file.span.bytes, into: &pixels)
      #expect(pixels == image.bytes)
    }
  }

  /// A palette's colors, and its gray levels where it has no colors.
  @Test func palette() throws {
    let file = PNGFixture(
      width: 4, height: 2, depth: 2, colorType: 3, rows: [0b00_01_10_11, 0b11_10_01_00],
      chunks: [("PLTE", [0, 0, 0, 255, 0, 0, 0, 255, 0, 10, 20, 30])])
    let image = try decoded(file.bytes)
    let colors: [[UInt8]] = [[0, 0, 0], [255, 0, 0], [0, 255, 0], [10, 20, 30]]
    #expect(image == Image(width: 4, height: 2, channels: 3, bytes: (colors + colors.reversed()).flatMap { $0 }))
  }

  @Test func sixteenBits() throws {
    let levels: [UInt16] = [0, 0x0101, 0x8080, 0xFFFF, 0xFEFE, 0x7F7F]
    let rows = levels.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    let gray = try decoded(PNGFixture(width: 3, height: 2, depth: 16, colorType: 0, rows: rows).bytes)
    #expect(gray == Image(width: 3, height: 2, channels: 1, bytes: [0, 1, 128, 255, 254, 127]))
    let color = try decoded(PNGFixture(width: 1, height: 2, depth: 16, colorType: 2, rows: rows).bytes)
    #expect(color == Image(width: 1, height: 2, channels: 3, bytes: [0, 1, 128, 255, 254, 127]))
  }

  @Test func singleBits() throws {
    let image = try decoded(PNGFixture(width: 8, height: 1, depth: 1, colorType: 0, rows: [0b1011_0001]).bytes)
    #expect(image.bytes == [255, 0, 255, 255, 0, 0, 0, 255])
  }

  /// Transparent pixels are laid over white; opaque ones stay as they are.
  @Test func transparency() throws {
    let color = PNGFixture(width: 3, height: 1, colorType: 6, rows: [9, 8, 7, 255, 9, 8, 7, 0, 0, 0, 0, 128])
    let image = try decoded(color.bytes)
    #expect(Array(image.bytes.prefix(6)) == [9, 8, 7, 255, 255, 255])
    #expect(image[0, 2, 0] > 100 && image[0, 2, 0] < 220)
    let gray = try decoded(PNGFixture(width: 2, height: 1, colorType: 4, rows: [50, 255, 50, 0]).bytes)
    #expect(gray == Image(width: 2, height: 1, channels: 1, bytes: [50, 255]))
    let keyed = try decoded(
      PNGFixture(width: 2, height: 1, colorType: 0, rows: [50, 60], chunks: [("tRNS", [0, 50])]).bytes)
    #expect(keyed.bytes == [255, 60])
  }

  /// sRGB's gamma, which nearly all files state, changes nothing.
  @Test func usualGammaIsNoChange() throws {
    let rows: [UInt8] = [1, 2, 3, 100, 101, 102, 200, 250, 255]
    let file = PNGFixture(width: 3, height: 1, rows: rows, chunks: [("gAMA", PNGFixture.word(45455))])
    #expect(try decoded(file.bytes).bytes == rows)
  }

  @Test func channelsAsAsked() throws {
    let color = Image(width: 3, height: 1, channels: 3, bytes: [255, 0, 0, 0, 255, 0, 0, 0, 255])
    #expect(try decoded(color.png(), channels: 1).bytes == [76, 150, 29])
    #expect(try decoded(color.png(), channels: 1) == color.converted(toChannels: 1))
    let gray = sample(channels: 1)
    #expect(try decoded(gray.png(), channels: 3) == gray.converted(toChannels: 3))
  }

  @Test func refusals() throws {
    let file = try sample().png()
    for count in stride(from: 8, to: file.count - 30, by: 7) {
      expectRefusal("PNG", "damaged") { _ = try decoded(Array(file.prefix(count))) }
    }
    var flipped = file
    flipped[file.count / 2] ^= 4
    expectRefusal("PNG data", "33×21", "replace it") { _ = try decoded(flipped) }
    // Four billion pixels in a file of a few bytes: refused before memory is taken for them.
    var huge = PNGFixture(width: 65_536, height: 65_536, rows: [])
    huge.rows = [UInt8](repeating: 0, count: 65_536)
    expectRefusal("PNG header", "at most 67108864 pixels", "65536×65536") { _ = try decoded(huge.bytes) }
    expectRefusal("at most 692 pixels", "33×21") { _ = try decoded(file, mostPixels: 692) }
    #expect(try decoded(file, mostPixels: 693).width == 33)
    expectRefusal("PNG header") { _ = try header(PNGFixture(width: 0, height: 4, rows: [0, 0, 0, 0]).bytes) }
  }
}
