import Foundation
import Testing

/// Shipped configurations with a few random mistakes: described or refused in one line, and soon.
@Suite struct ConfigurationFuzzTests {
  static let mutations = 300
  /// Generous, because tests share the machine.
  static let longestSeconds = 10.0

  @Test func mutationsAreDescribedOrRefused() throws {
    let workspace = try Workspace()
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let source = folder.appending(path: "../../Configs/mlp-relu.json")
    // Few samples and layers: three hundred of them are drawn and planned.
    let shipped = try String(contentsOf: source, encoding: .utf8)
      .replacing("\"count\": 10000", with: "\"count\": 200").replacing("\"depth\": 50", with: "\"depth\": 5")
    var random = SplitMix(state: 20)
    var refused = 0
    for number in 0..<Self.mutations {
      var bytes = Array(shipped.utf8)
      for _ in 0...Int.random(in: 0..<2, using: &random) { mutate(&bytes, &random) }
      try workspace.write(Data(bytes), "mutant.json")
      let result = try workspace.troupe("describe", "mutant.json", limit: 60)
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(result.exitCode == 0 || result.exitCode == 2, "mutation \(number): \(result.errors)\n\(text)")
      #expect(
        !result.diedOfSignal && result.seconds < Self.longestSeconds,
        "mutation \(number), \(result.seconds) s\n\(text)")
      if result.exitCode != 0 {
        refused += 1
        #expect(result.errorLines.count == 1 && result.output.isEmpty, "mutation \(number): \(result.errors)")
        #expect(result.errors.hasPrefix("troupe: error: ") && result.errors.utf8.count < 2000, "\(result.errors)")
      }
    }
    #expect(refused > Self.mutations / 2)
    #expect(try workspace.names(".") == ["mutant.json"])
  }

  private static let values = [
    "null", "true", "[]", "{}", "[[[[]]]]", "\"\"", "\"\\u0000\"", "0", "-1", "0.5", "1e-320", "1e308", "1e400", "-0",
    "9223372036854775808", "4294967296", "123456789012345678901234567890", "\"auto\"", "\"5 epochs\"", "\"0 steps\"",
    "\"99999999999999999999 steps\"", "{\"type\": \"mlp\"}", "[1, 2, 3]", "NaN", "Infinity", "01", "\"\u{1F600}\"",
  ]

  /// One mistake: a byte, a stretch or a value.
  private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
    guard bytes.count > 20 else { return }
    let place = Int.random(in: 0..<bytes.count - 10, using: &random)
    let length = Int.random(in: 1..<10, using: &random)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes.removeSubrange(place..<place + length)
    case 2: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
    case 3: bytes.swapAt(place, place + length)
    case 4: bytes.removeLast(bytes.count - place)
    case 5:
      // A key or a string changes by one letter.
      guard let letter = bytes[place...].firstIndex(where: { (0x61...0x7A).contains($0) }) else { return }
      bytes[letter] = UInt8.random(in: 0x61...0x7A, using: &random)
    default:
      // A value is replaced by another.
      guard let colon = bytes[place...].firstIndex(of: 0x3A) else { return }
      let end = bytes[colon...].firstIndex { $0 == 0x2C || $0 == 0x7D || $0 == 0x0A } ?? colon + 1
      bytes.replaceSubrange(
        colon + 1..<max(end, colon + 1), with: Array((Self.values.randomElement(using: &random) ?? "").utf8))
    }
  }
}

/// A small generator with a seed, so that a failure can be found again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
