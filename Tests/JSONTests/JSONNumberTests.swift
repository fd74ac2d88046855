import JSON
import Testing

/// Knuth's MMIX generator: the same numbers in every run.
private struct Congruential: RandomNumberGenerator {
  private var state: UInt64 = 42

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 33
  }
}

@Suite struct JSONNumberTests {
  private func parse(_ text: String) throws(JSONError) -> JSON { try JSONParser.parse(Array(text.utf8).span) }

  @Test func numbersAreCorrectlyRounded() throws {
    var texts = [
      "0", "-0", "0.0", "0e5", "5e-324", "1e-325", "1.7976931348623157e308", "9007199254740993", "1e22", "1e23",
      "1e-22",
      "123456789012345e22", "0.1e-5", "1E+2", "1e00000000000000000001", "3.14159265358979323846264338327950288",
    ]
    var generator = Congruential()
    for _ in 0..<100_000 {
      let bits = UInt64.random(in: 0...UInt64.max, using: &generator)
      let value = Double(bitPattern: bits)
      let digits = "\(bits % 1_000_000_000)"
      let point = digits.index(digits.startIndex, offsetBy: Int(bits >> 32) % digits.count + 1)
      if value.isFinite { texts.append("\(value)") }
      texts.append("\(Float(Double.random(in: -10...10, using: &generator)))")
      if point < digits.endIndex {
        texts.append("-\(digits[..<point]).\(digits[point...])e\(Int(bits >> 40) % 70 - 35)")
      }
    }
    var wrong: [String] = []
    for text in texts where try parse(text).double?.bitPattern != Double(text)?.bitPattern { wrong.append(text) }
    #expect(wrong.isEmpty, "\(wrong.prefix(5))")
  }

  @Test func whatIsNotFinite() throws {
    #expect(try parse("1e400").double == nil)
    #expect(try parse("1e400").floatingPoint == .infinity)
    #expect(try parse("\"nan\"").floatingPoint?.isNaN == true)
    #expect(try parse("\"-inf\"").floatingPoint == -.infinity)
    #expect(try parse("\"inf\"").double == nil)
    for value in [Double.nan, .infinity, -.infinity, 0.1, -3] {
      #expect(JSON.number(value).floatingPoint?.description == value.description)
    }
  }

  @Test func wholeNumbers() throws {
    #expect(try parse("18446744073709551615").unsigned == .max)
    #expect(try parse("18446744073709551615").count == nil)
    for text in ["5", "5.0", "5e0"] { #expect(try parse(text).integer == 5) }
    #expect(try parse("5").count == 5)
    for text in ["5.0", "5e0", "-5", "-0", "\"5\"", "18446744073709551616"] { #expect(try parse(text).unsigned == nil) }
  }
}

/// Spellings of numbers.
@Suite struct NumberSpellingTests {
  private func number(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8).span) }

  @Test func sameNumbersAreEqual() throws {
    for (a, b) in [
      ("0.00001", "1e-05"), ("0.010", "1e-2"), ("5", "5.0"), ("500", "5e2"), ("-0.5", "-5E-1"), ("1e300", "10e299"),
      ("[1, {\"a\": 0.10}]", "[1.0, {\"a\": 0.1}]"),
    ] {
      #expect(try number(a) == number(b), "\(a) \(b)")
    }
  }

  @Test func differentNumbersAreNot() throws {
    for (a, b) in [
      ("0.1", "0.10000000000000002"), ("1", "-1"), ("1", "\"1\""), ("9007199254740993", "9007199254740992"),
      ("18446744073709551615", "18446744073709551614"), ("1e999", "1e998"),
    ] {
      #expect(try number(a) != number(b), "\(a) \(b)")
    }
  }
}
