import Formats
import Foundation
import Tensors
import Testing

/// Damaged files give an error or an image of the size they claim, never a crash.
struct ImageFuzzTests {
  /// More through the environment, for a long run by hand.
  private static let mutations = Int(ProcessInfo.processInfo.environment["TROUPE_FUZZ_ROUNDS"] ?? "") ?? 3000

  /// `bytes` with some bits flipped, bytes set, or the end cut off; a pure function of `round`.
  private func mutated(_ bytes: [UInt8], _ round: Int) -> [UInt8] {
    let random = RandomStream(seed: 7, purpose: .checking, step: round)
    var copy = bytes
    for change in 0...random.integer(0, below: 4) {
      let element = 1 + change * 4
      guard !copy.isEmpty else { break }
      let at = random.integer(element, below: copy.count)
      let byte = UInt8(random.integer(element + 1, below: 256))
      switch random.integer(element + 2, below: 8) {
      case 0: copy.removeLast(copy.count - at)
      case 1: copy.insert(byte, at: at)
      case 2: copy.remove(at: at)
      case 3: copy[at] = byte
      case 4: copy[min(at, copy.count / 8)] = byte
      default: copy[at] ^= 1 << (byte & 7)
      }
    }
    return copy
  }

  /// Decodes every mutation of `file`; returns how many were refused.
  private func refusals(_ file: [UInt8]) throws -> Int {
    var refused = 0
    var pixels: [UInt8] = []
    for round in 0..<Self.mutations {
      let mutant = mutated(file, round)
      for channels in [nil, 1, 3] {
        do throws(ImageError) {
          let header = try ImageDecoder.decode(
            mutant.span.bytes, channels: channels, mostPixels: 1 << 16, into: &pixels)
          #expect(pixels.count == header.width * header.height * (channels ?? header.channels))
        } catch {
          refused += 1
          #expect(!error.description.contains("\n"))
        }
      }
    }
    return refused / 3
  }

  @Test(arguments: [1, 3]) func png(channels: Int) throws {
    let refused = try refusals(sample(channels: channels).png())
    #expect(refused > Self.mutations / 2)
  }

  @Test func pngOfRareKinds() throws {
    let palette = PNGFixture(
      width: 4, height: 4, depth: 4, colorType: 3, rows: [1, 2, 3, 4, 5, 6, 7, 8],
      chunks: [("PLTE", (0..<27).map { $0 * 9 }), ("tRNS", [0, 128, 255])])
    let wide = PNGFixture(
      width: 4, height: 4, depth: 16, colorType: 6, rows: (0..<128).map { $0 },
      chunks: [("gAMA", PNGFixture.word(100_000))])
    for file in [palette.bytes, wide.bytes] {
      #expect(try decoded(file).width == 4)
      #expect(try refusals(file) > Self.mutations / 2)
    }
  }

  @Test(arguments: [1, 3]) func jpeg(channels: Int) throws {
    // A changed coefficient is still an image: far fewer are refused.
    let refused = try refusals(sample(channels: channels).jpeg(quality: 60, hasHalvedColor: true))
    #expect(refused > Self.mutations / 8)
  }
}
