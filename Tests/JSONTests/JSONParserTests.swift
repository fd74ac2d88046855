import JSON
import Testing

@Suite struct JSONParserTests {
  private func parse(_ text: String, file: String? = nil) throws(JSONError) -> JSON {
    try JSONParser.parse(Array(text.utf8).span, file: file)
  }

  @Test func valuesComeBackAsWritten() throws {
    let text = #"{"a":[1,-2.5e3,"x\"\\\b\f\n\r\t\u0001",true,false,null,{}],"b":{"é😀":[]}}"#
    #expect(try parse(text).compactText == text)
    #expect(try parse("\u{FEFF} {\n} \t\r\n") == .object([]))
    #expect(try parse(#""\u00e9\ud83d\ude00\/""#).string == "é😀/")
    #expect(try parse(parse(text).prettyText) == parse(text))
  }

  /// What other writers take for JSON stands in the way of nothing, under keys that are not read.
  @Test func keysThatAreNotReadAreSkipped() throws {
    func read(_ text: [UInt8]) throws(JSONError) -> JSON { try JSONParser.parseObject(text.span, reading: ["text"]) }
    for other in [
      "NaN", "Infinity", "-Infinity", "[NaN, {\"a\": -Infinity}]", #""cut \ud83d""#, #""\udc00x""#, #""\ud83d\ude00""#,
      #"{"a": 1, "a": 2, "text": "no"}"#, "1e999", "null",
    ] {
      for line in [#"{"x": \#(other), "text": "t"}"#, #"{"text": "t", "x": \#(other)}"#] {
        #expect(try read(Array(line.utf8)) == .object([("text", .string("t"))]), "\(line)")
      }
    }
    let latin = Array(#"{"x": ""#.utf8) + [0xE9] + Array(#"", "text": "é"}"#.utf8)
    #expect(try read(latin)["text"]?.string == "é")
    #expect(try read(Array(#"{"\ud83d": 1, "x": 1, "x": 2, "text": "t"}"#.utf8))["text"]?.string == "t")
    #expect(try read(Array(#"{"x": {"text": 1}}"#.utf8)) == .object([]))
    for (line, words) in [
      (#"{"text": NaN}"#, "expected a value"), (#"{"text": "\ud83d"}"#, "surrogate"),
      (#"{"x": NAN}"#, "expected a value"),
      (#"{"text": "a", "text": "b"}"#, "twice"), (#"{"text": ["\ud83d"]}"#, "surrogate"), (#"{"x": "a}"#, "not closed"),
      (#"{"text": "a"} x"#, "the end of the file"), (#"{"x": [1 2]}"#, "',' or ']'"),
    ] {
      let error = #expect(throws: JSONError.self) { _ = try read(Array(line.utf8)) }
      #expect(error?.message.contains(words) == true, "\(line): \(error?.message ?? "")")
    }
  }

  @Test func valuesKnowTheirPlace() throws {
    let json = try parse("{\"a\":\n  [1, 2]}", file: "f.json")
    #expect(json["a"]?.array?[1].location?.description == "f.json:2:7")
    #expect(try parse("[1]").array?[0].location == nil)
  }

  @Test(arguments: [
    ("", "found the end of the file"), ("{", "expected a key"), ("{\"a\" 1}", "expected ':'"), ("[1 2]", "',' or ']'"),
    ("[1,]", "expected a value, found ']'"), ("01", "cannot start with 0"), ("1.", "after the decimal point"),
    ("-", "expected a digit"), ("1e", "in the exponent"), ("+1", "found '+'"), ("nul", "expected a value"),
    ("NaN", "expected a value"), ("\"a", "not closed"), ("\"\n\"", "control character"), (#""\x""#, "unknown escape"),
    (#""\ud800""#, "surrogate"), (#""\ud800\u0041""#, "surrogate"), (#""\u+123""#, "hexadecimal"),
    ("1 2", "the end of the file, found '2'"), (String(repeating: "[", count: 100_000), "deeper than 64"),
  ])
  func refuses(_ text: String, _ complaint: String) {
    let error = #expect(throws: JSONError.self) { try parse(text) }
    #expect(error?.message.contains(complaint) == true, "\(String(describing: error))")
  }

  @Test func refusesBytesThatAreNotUTF8() {
    for bytes in [[0x22, 0xFF, 0x22], [0x22, 0x5C, 0x6E, 0xC0, 0x80, 0x22]] as [[UInt8]] {
      #expect(throws: JSONError.self) { try JSONParser.parse(bytes.span) }
    }
  }

  /// Comparing keys and hashing them must find the same.
  @Test(arguments: [2, 16, 17, 18, 400]) func refusesEqualKeys(count: Int) throws {
    let members = (0..<count).map { "\"k\($0)\": \($0)" }
    #expect(try parse("{\(members.joined(separator: ",\n"))}").members?.count == count)
    for twin in [0, count / 2, count - 1] {
      let error = #expect(throws: JSONError.self) {
        try parse("{\((members + ["\"\\u006b\(twin)\": 0"]).joined(separator: ",\n"))}", file: "f")
      }
      #expect(error?.message.hasSuffix("first on line \(twin + 1)") == true)
      #expect(error?.location?.line == count + 1)
    }
  }

  @Test func boundsTheNumberOfValues() {
    let text = "[" + String(repeating: "0,", count: JSONParser.mostValues) + "0]"
    let error = #expect(throws: JSONError.self) { try parse(text) }
    #expect(error?.message.contains("more than") == true)
  }
}
