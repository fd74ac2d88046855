import CImage
import CZlib
import Formats
import Tensors
import Testing

/// An image with slopes in every channel and a disc, which both formats have something to do with.
func sample(width: Int = 33, height: Int = 21, channels: Int = 3) -> Image {
  var image = Image(width: width, height: height, channels: channels, filledWith: 0)
  for row in 0..<height {
    for column in 0..<width {
      let (y, x) = (row - height / 2, column - width / 2)
      let disc = x * x + y * y < height * height / 9 ? 80 : 0
      for channel in 0..<channels {
        image[row, column, channel] = UInt8(min(255, disc + (row * (3 + channel) + column * (5 - channel)) % 176))
      }
    }
  }
  return image
}

/// Smooth enough for JPEG to come close to it.
func slope(width: Int = 40, height: Int = 24, channels: Int = 3) -> Image {
  var image = Image(width: width, height: height, channels: channels, filledWith: 0)
  for row in 0..<height {
    for column in 0..<width {
      for channel in 0..<channels {
        image[row, column, channel] = UInt8(40 + 3 * row + 2 * column * (channel + 1) / 2)
      }
    }
  }
  return image
}

/// A PNG file put together chunk by chunk, so that kinds can be read that we never write.
struct PNGFixture {
  var width: Int
  var height: Int
  var depth = 8
  /// 0 gray, 2 color, 3 palette, 4 gray and alpha, 6 color and alpha.
  var colorType: UInt8 = 2
  /// Packed rows, one after another.
  var rows: [UInt8]
  /// Between header and data: name and content.
  var chunks: [(name: String, content: [UInt8])] = []

  var bytes: [UInt8] {
    let pitch = rows.count / height
    var raw: [UInt8] = []
    for row in 0..<height { raw += [0] + rows[row * pitch..<(row + 1) * pitch] }
    var packed = [UInt8](repeating: 0, count: Int(compressBound(UInt(raw.count))))
    var size = UInt(packed.count)
    compress(&packed, &size, raw, UInt(raw.count))
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    file += Self.chunk("IHDR", Self.word(width) + Self.word(height) + [UInt8(depth), colorType, 0, 0, 0])
    for (name, content) in chunks { file += Self.chunk(name, content) }
    return file + Self.chunk("IDAT", Array(packed.prefix(Int(size)))) + Self.chunk("IEND", [])
  }

  static func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + content
    return word(content.count) + body + word(Int(crc32(0, body, UInt32(body.count))))
  }
}

/// A CMYK JPEG file, which we never write.
func cmykJPEG() throws -> [UInt8] {
  let turbo = try #require(tjInitCompress())
  defer { tjDestroy(turbo) }
  let pixels = [UInt8](repeating: 90, count: 16 * 16 * 4)
  var start: UnsafeMutablePointer<UInt8>?
  var size: UInt = 0
  let status = tjCompress2(
    turbo, pixels, 16, 0, 16, Int32(TJPF_CMYK.rawValue), &start, &size, Int32(TJSAMP_444.rawValue), 90, 0)
  defer { tjFree(start) }
  try #require(status == 0)
  return Array(UnsafeBufferPointer(start: try #require(start), count: Int(size)))
}

func decoded(_ file: [UInt8], channels: Int? = nil, mostPixels: Int = Image.mostPixels) throws -> Image {
  try Image(decoding: file.span.bytes, channels: channels, mostPixels: mostPixels)
}

func header(_ file: [UInt8], mostPixels: Int = Image.mostPixels) throws -> ImageHeader {
  try ImageHeader(of: file.span.bytes, mostPixels: mostPixels)
}

/// Runs `body`, which must throw an `ImageError` whose one line contains all of `words`.
func expectRefusal(_ words: String..., location: SourceLocation = #_sourceLocation, _ body: () throws -> Void) {
  let error = #expect(throws: ImageError.self, sourceLocation: location) { try body() }
  let line = error?.description ?? ""
  #expect(!line.contains("\n"), sourceLocation: location)
  for word in words { #expect(line.contains(word), "\(line)", sourceLocation: location) }
}

/// The largest difference between two images' levels.
func distance(_ a: Image, _ b: Image) -> Int {
  zip(a.bytes, b.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
}
