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

  /// Remarks of the decoder on files that it reads whole are no failure.
  @Test func remarksAreNoFailure() throws {
    let file = try slope().jpeg(quality: 95)
    let image = try decoded(file)
    let jfif = try #require(file.indices.dropLast(5).first { Array(file[$0..<$0 + 5]) == Array("JFIF\0".utf8) })
    for version: [UInt8] in [[0, 0], [2, 1], [255, 255]] {
      var other = file
      other.replaceSubrange(jfif + 5..<jfif + 7, with: version)
      #expect(try decoded(other) == image && header(other).width == 40)
    }
    func adobe(_ transform: UInt8) -> [UInt8] {
      [0xFF, 0xEE, 0, 14] + Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, transform]
    }
    for transform: UInt8 in [2, 7, 255] {
      #expect(try decoded(Array(file[..<2]) + adobe(transform) + file[2...]) == image)
    }
    // Without the JFIF marker, whose word is the last one on colors.
    let length = Int(file[jfif - 2]) << 8 | Int(file[jfif - 1])
    let bare = Array(file[..<2] + file[(jfif - 2 + length)...])
    for transform: UInt8 in [1, 7] {
      #expect(try decoded(Array(bare[..<2]) + adobe(transform) + bare[2...]) == image)
    }
    for stray: [UInt8] in [[0], [UInt8](repeating: 0, count: 37), [1, 2, 3]] {
      #expect(try decoded(Array(file.dropLast(2)) + stray + file.suffix(2)) == image)
      let head = jfif - 2 + length
      #expect(try decoded(Array(file[..<head]) + stray + file[head...]) == image)
      #expect(try header(Array(file[..<head]) + stray + file[head...]).height == 24)
      #expect(try decoded(file + stray) == image)
    }
  }

  /// What the decoder fills in is still refused, with remarks around it.
  @Test func damageAmongRemarksIsRefused() throws {
    let file = try sample(width: 64, height: 64).jpeg(quality: 95)
    let stray: [UInt8] = [1, 2, 3]
    let scan = try #require(file.indices.dropLast(2).first { file[$0] == 0xFF && file[$0 + 1] == 0xDA })
    let middle = scan + (file.count - scan) / 2
    // Behind the first segment.
    let head = 4 + (Int(file[4]) << 8 | Int(file[5]))
    let end: [UInt8] = [0xFF, 0xD9]
    expectRefusal("JPEG data") { _ = try decoded(Array(file[..<middle]) + end) }
    let cut = Array(file[..<head]) + stray + file[head..<middle]
    for rest in [[], end, [0xFF, 0xFF, 0xD0] + end] { expectRefusal("JPEG data") { _ = try decoded(cut + rest) } }
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
