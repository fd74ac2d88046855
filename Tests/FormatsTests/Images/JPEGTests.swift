import Formats
import Testing

struct JPEGTests {
  @Test(arguments: [1, 3]) func comesBackNearly(channels: Int) throws {
    let image = slope(channels: channels)
    let file = try image.jpeg(quality: 95)
    let header = try header(file)
    #expect(header.format == .jpeg && header.width == 40 && header.height == 24 && header.channels == channels)
    #expect(distance(try decoded(file), image) <= 6)
    #expect(try decoded(file) == decoded(file))
    #expect(try image.jpeg(quality: 30).count < file.count)
  }

  @Test func halvedColor() throws {
    let image = slope()
    let file = try image.jpeg(quality: 95, hasHalvedColor: true)
    #expect(try file.count < image.jpeg(quality: 95).count)
    #expect(distance(try decoded(file), image) <= 12)
  }

  @Test func channelsAsAsked() throws {
    let (color, gray) = (slope(), slope(channels: 1))
    let luma = try decoded(color.jpeg(quality: 95), channels: 1)
    #expect(luma.channels == 1 && distance(luma, color.converted(toChannels: 1)) <= 4)
    let file = try gray.jpeg()
    #expect(try decoded(file, channels: 3) == decoded(file).converted(toChannels: 3))
  }

  /// A file without tables of its own is not decoded with those of the file before.
  @Test func nothingIsRememberedFromTheFileBefore() throws {
    let file = try slope().jpeg()
    // DQT markers become comments: the quantisation tables are gone.
    var bare = file
    for at in file.indices.dropLast() where file[at] == 0xFF && file[at + 1] == 0xDB { bare[at + 1] = 0xFE }
    #expect(bare != file)
    for _ in 0..<2 {
      _ = try decoded(file)
      expectRefusal("JPEG data") { _ = try decoded(bare) }
    }
  }

  @Test func refusals() throws {
    let file = try sample().jpeg()
    for count in stride(from: 3, to: file.count - 8, by: 11) {
      expectRefusal("JPEG", "damaged") { _ = try decoded(Array(file.prefix(count))) }
    }
    expectRefusal("JPEG header", "CMYK", "convert the image to RGB") { _ = try decoded(cmykJPEG()) }
    // The frame header's extents: a small file that claims four billion pixels.
    var huge = file
    let frame = try #require(file.indices.dropLast(8).first { file[$0] == 0xFF && file[$0 + 1] == 0xC0 })
    for at in frame + 5..<frame + 9 { huge[at] = 0xFA }
    expectRefusal("JPEG header", "pixels", "64250×64250") { _ = try decoded(huge) }
    let wide = Image(width: 65_501, height: 1, channels: 1, filledWith: 0)
    expectRefusal("65501×1", "PNG instead") { _ = try wide.jpeg() }
  }

  @Test func otherFiles() {
    expectRefusal("byte 0", "JPEG or PNG", "empty file") { _ = try decoded([]) }
    expectRefusal("GIF", "convert it to PNG") { _ = try decoded(Array("GIF89a".utf8)) }
    expectRefusal("00 01 02 03") { _ = try decoded([0, 1, 2, 3, 4, 5]) }
    expectRefusal("ff d8") { _ = try decoded([0xFF, 0xD8]) }
    expectRefusal("Git LFS pointer") { _ = try decoded(Array("version https://git-lfs.github.com/spec/v1".utf8)) }
  }
}
