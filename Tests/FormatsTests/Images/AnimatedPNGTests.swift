import CZlib
import Formats
import Testing

/// What players of animated PNG files rely on.
struct AnimatedPNGTests {
  private struct Chunk: Equatable {
    let type: String
    let content: [UInt8]
  }

  private func number(_ bytes: some Sequence<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

  /// The chunks of a file, whose checksums zlib finds right.
  private func chunks(_ file: [UInt8]) -> [Chunk] {
    #expect(file.prefix(8) == [137, 80, 78, 71, 13, 10, 26, 10])
    var chunks: [Chunk] = []
    var at = 8
    while at < file.count {
      let length = number(file[at..<at + 4])
      let checked = Array(file[at + 4..<at + 8 + length])
      let sum = checked.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
      #expect(Int(sum) == number(file[at + 8 + length..<at + 12 + length]))
      chunks.append(Chunk(type: String(decoding: checked[..<4], as: UTF8.self), content: Array(checked[4...])))
      at += 12 + length
    }
    #expect(at == file.count)
    return chunks
  }

  /// A frame on its own as a PNG file.
  private func file(_ chunks: [Chunk]) -> [UInt8] {
    var file: [UInt8] = [137, 80, 78, 71, 13, 10, 26, 10]
    for chunk in chunks {
      let body = Array(chunk.type.utf8) + chunk.content
      let sum = body.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
      for value in [UInt32(chunk.content.count)] { file += withUnsafeBytes(of: value.bigEndian) { Array($0) } }
      file += body
      file += withUnsafeBytes(of: UInt32(sum).bigEndian) { Array($0) }
    }
    return file
  }

  @Test(arguments: [(1, 9, 7), (3, 30, 21)]) func framesComeBack(channels: Int, width: Int, height: Int) throws {
    let images = (0..<4).map { frame in
      Image(
        width: width, height: height, channels: channels,
        bytes: (0..<width * height * channels).map { UInt8(truncatingIfNeeded: $0 * (frame + 3) + frame) })
    }
    let durations: [UInt16] = [60, 60, 60, 2000]
    let bytes = try AnimatedPNG.encode(zip(images, durations).map { AnimatedPNG.Frame($0, duration: $1) })
    // Those who know nothing of animations see the first picture.
    #expect(try decoded(bytes) == images[0])
    let all = chunks(bytes)
    let header = try #require(all.first)
    #expect(header.type == "IHDR" && all.last == Chunk(type: "IEND", content: []))
    let animation = try #require(all.first { $0.type == "acTL" })
    #expect(animation.content == [0, 0, 0, 4, 0, 0, 0, 0])
    let (control, data) = (all.firstIndex { $0.type == "acTL" }, all.firstIndex { $0.type == "IDAT" })
    #expect(try #require(control) < #require(data))

    let controls = all.filter { $0.type == "fcTL" }
    #expect(controls.count == 4 && controls.allSatisfy { $0.content.count == 26 })
    for (frame, control) in controls.enumerated() {
      #expect(number(control.content[4..<8]) == width && number(control.content[8..<12]) == height)
      #expect(number(control.content[12..<20]) == 0)
      #expect(number(control.content[20..<22]) == Int(durations[frame]) && number(control.content[22..<24]) == 1000)
      #expect(control.content[24] == 0 && control.content[25] == 0)
    }
    // One sequence of numbers over controls and data.
    let numbered = all.filter { ["fcTL", "fdAT"].contains($0.type) }.map { number($0.content.prefix(4)) }
    #expect(numbered == Array(numbered.indices))
    // The data of each frame but the first, as a file of its own.
    var parts: [[UInt8]] = []
    for chunk in all {
      if chunk.type == "fcTL" { parts.append([]) }
      if chunk.type == "fdAT" { parts[parts.count - 1] += chunk.content.dropFirst(4) }
    }
    for (frame, part) in parts.enumerated().dropFirst() {
      let alone = file([header, Chunk(type: "IDAT", content: part), Chunk(type: "IEND", content: [])])
      #expect(try decoded(alone) == images[frame])
    }
  }

  @Test func theSamePicturesGiveTheSameBytes() throws {
    let frames = (0..<3).map {
      AnimatedPNG.Frame(Image(width: 5, height: 4, channels: 1, filledWith: UInt8($0)), duration: 9)
    }
    #expect(try AnimatedPNG.encode(frames) == AnimatedPNG.encode(frames))
    #expect(chunks(try AnimatedPNG.encode([frames[0]])).count { $0.type == "fcTL" } == 1)
  }
}
