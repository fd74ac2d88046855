import Configuration
import JSON
import Tensors
import Testing

@Suite struct JSONParserTests {
  private func parse(_ text: String) throws -> JSON { try JSONParser.parse(text, file: "f.json") }

  static let valid: [(String, String)] = [
    ("null", "null"), (" true\n", "true"), ("\t[ ]\r\n", "[]"), ("{ }", "{}"), (#""""#, #""""#),
    (#"{"a":{"b":[1,2,{"c":null}]}}"#, #"{"a":{"b":[1,2,{"c":null}]}}"#),
    ("[0, -0, 0.5, -1.25e+3, 1E-9, 0e0, 12345678901234567890]", "[0,-0,0.5,-1.25e+3,1E-9,0e0,12345678901234567890]"),
    (#""\"\\\/\b\f\n\r\t""#, #""\"\\/\b\f\n\r\t""#),
    (#""\u0041\u00e9\u4e2d\uD83D\uDE00""#, #""Aé中😀""#), (#""é中😀""#, #""é中😀""#), (#""\u0000""#, #""\u0000""#),
    // The last letter of the one and the first of the other never make one character.
    (#"{"e":1,"e\u0301":2}"#, "{\"e\":1,\"e\u{301}\":2}"),
    (#"{"":1," ":2}"#, #"{"":1," ":2}"#), ("\u{FEFF}{\"a\": 1}", #"{"a":1}"#),
    ("\"\u{7F}\u{2028}\"", "\"\u{7F}\u{2028}\""),
  ]

  @Test(arguments: valid) func reads(_ text: String, _ compact: String) throws {
    let json = try parse(text)
    #expect(json.compactText == compact)
    #expect(try parse(json.compactText) == json)
    #expect(try parse(json.prettyText) == json)
  }

  static let invalid: [(String, String)] = [
    ("", "1:1: not JSON: expected a value, found the end of the file"),
    ("  \n ", "2:2: not JSON: expected a value, found the end"),
    ("{", "1:2: not JSON: expected a key in quotes, found the end"),
    ("[", "1:2: not JSON: expected a value"), ("[1", "expected ',' or ']', found the end"),
    ("[1,]", "1:4: not JSON: expected a value, found ']'"), ("[1 2]", "1:4: not JSON: expected ',' or ']', found '2'"),
    (#"{"a" 1}"#, "1:6: not JSON: expected ':' after the key \"a\", found '1'"),
    (#"{"a":1,}"#, "1:8: not JSON: expected a key in quotes, found '}'"), ("{a:1}", "found 'a'"),
    (#"{"a":1 "b":2}"#, "expected ',' or '}'"), ("{'a':1}", "found '''"),
    ("1 2", "1:3: not JSON: expected the end of the file, found '2'"), ("{}}", "expected the end"),
    ("tru", "expected a value, found 't'"), ("True", "found 'T'"), ("nulll", "found 'l'"), ("NaN", "found 'N'"),
    ("Infinity", "found 'I'"), ("// c\n1", "found '/'"),
    ("01", "cannot start with 0"), ("-01", "cannot start with 0"), ("-", "expected a digit, found the end"),
    ("+1", "found '+'"), (".5", "found '.'"), ("1.", "after the decimal point"), ("1.e3", "after the decimal point"),
    ("1e", "in the exponent"), ("1e+", "in the exponent"), ("0x10", "found 'x'"), ("1_000", "found '_'"),
    ("\"a\nb\"", "bare control character (byte 0xa)"), ("\"a\tb\"", "bare control character (byte 0x9)"),
    ("\"a", "a string is not closed"), ("\"a\\", "a string is not closed"), ("\"\\\"", "a string is not closed"),
    (#""\x""#, "1:3: not JSON: unknown escape \\'x'"), (#""\u12""#, "four hexadecimal digits"),
    (#""\u12G4""#, "four hexadecimal digits"), (#""\u+123""#, "four hexadecimal digits"),
    (#""\uD800""#, "half a surrogate pair"), (#""\uD800x""#, "half a surrogate pair"),
    (#""\uD800\n""#, "half a surrogate pair"), (#""\uD800\u0041""#, "half a surrogate pair"),
    (#""\uDC00""#, "half a surrogate pair"), (#""\uD800\uD800""#, "half a surrogate pair"),
    (#"{"a": 1, "a": 2}"#, "1:10: the key \"a\" is written twice in one object, first on line 1"),
    ("{\"a\": 1,\n \"b\": 2,\n \"\\u0061\": 3}", "3:2: the key \"a\" is written twice in one object, first on line 1"),
    ("\u{0}", "byte 0x0"), ("\u{FEFF}\u{FEFF}1", "byte 0xef"), ("\u{A0}1", "byte 0xc2"),
  ]

  @Test(arguments: invalid) func refuses(_ text: String, _ words: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try parse(text) }
    let description = error?.description ?? ""
    #expect(description.hasPrefix("f.json:") && description.contains(words), "\(description)")
    #expect(!description.contains("\n"))
  }

  @Test func textMustBeUTF8() {
    for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] {
      let error = #expect(throws: ConfigurationError.self) {
        _ = try JSONParser.parse([0x22] + bytes + [0x22], file: "f.json")
      }
      #expect(error?.message.contains("not valid UTF-8") == true)
    }
  }

  @Test func deepNestingIsRefused() throws {
    let depth = JSONParser.deepestNesting
    _ = try parse(String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth))
    for open in ["[", #"{"a":"#] {
      let error = #expect(throws: ConfigurationError.self) { _ = try parse(String(repeating: open, count: 100_000)) }
      #expect(error?.message.contains("nested deeper than 64 levels") == true)
    }
  }

  @Test func valuesHaveLocations() throws {
    let json = try parse("{\n  \"a\": [1,\n    {\"b\": true}]\n}")
    #expect(json.location?.description == "f.json:1:1")
    #expect(json["a"]?.location?.description == "f.json:2:8")
    #expect(json["a"]?.array?[1]["b"]?.location?.description == "f.json:3:11")
    #expect(try parse("\u{FEFF}[1]").array?[0].location?.description == "f.json:1:2")
  }

  @Test func numbersKeepTheirValue() throws {
    for (text, value) in [("5", 5), ("5.0", 5), ("5e2", 500), ("-0", 0), ("9223372036854775807", Int.max)] {
      #expect(try parse(text).integer == value)
    }
    for text in ["5.5", "1e300", "1e999", "9223372036854775808", "-1e-5"] { #expect(try parse(text).integer == nil) }
    #expect(try parse("1e999").double == nil && (try parse("-1e-999").double) == 0)
    for value in [0.1, -1e-300, 1e22, 123_456_789.25, .leastNonzeroMagnitude] {
      #expect(try parse(JSON.number(value).compactText).double == value)
      #expect(try parse(JSON.number(Float(value)).compactText).double.map { Float($0) } == Float(value))
    }
    #expect(JSON.number(Double.nan).string == "nan" && JSON.number(-Double.infinity).string == "-inf")
  }

  @Test(arguments: 0..<100) func writtenValuesReadBack(_ seed: Int) throws {
    var maker = JSONMaker(seed: UInt64(seed))
    let json = maker.value(depth: 5)
    #expect(try parse(json.compactText) == json)
    #expect(try parse(json.prettyText) == json)
    #expect(!json.compactText.contains("\n"))
  }
}

/// Random values.
struct JSONMaker {
  private let random: RandomStream
  private var drawn = 0

  init(seed: UInt64) { random = RandomStream(seed: seed, purpose: .checking) }

  mutating func below(_ bound: Int) -> Int {
    drawn += 1
    return random.integer(drawn, below: bound)
  }

  mutating func text() -> String {
    let letters: [Character] = [
      "a", "b", "\"", "\\", "\n", "\u{0}", "\u{1F}", "é", "😀", " ", "/", "{", "\u{2028}", "\u{301}",
    ]
    return String((0..<below(8)).map { _ in letters[below(letters.count)] })
  }

  mutating func value(depth: Int) -> JSON {
    switch below(depth > 0 ? 8 : 5) {
    case 0: return .null
    case 1: return .boolean(below(2) == 0)
    case 2: return .integer(below(1 << 20) - 1 << 19)
    case 3: return .number(Double(below(1 << 30)) * 1e-7)
    case 4: return .string(text())
    case 5: return .array((0..<below(5)).map { _ in value(depth: depth - 1) })
    default: return .object((0..<below(5)).map { ("\($0)" + text(), value(depth: depth - 1)) })
    }
  }
}
