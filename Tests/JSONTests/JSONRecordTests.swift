import JSON
import Testing

private struct Part: JSONRecord, Equatable {
  var name = ""
  var share: Float?

  mutating func code(_ coder: inout JSONCoder) {
    coder.member("name", &name)
    coder.member(optional: "share", &share, digits: 5)
  }
}

private struct Whole: JSONRecord, Equatable {
  var count = 0
  var loss: Float = 0
  var note: String?
  var parts: [Part] = []

  mutating func code(_ coder: inout JSONCoder) {
    coder.constant("version", 1)
    coder.member("count", &count, in: 0...9)
    coder.finite("loss", &loss)
    coder.derived("twice", .integer(2 * count))
    coder.member("note", &note)
    coder.member("parts", &parts)
    coder.require(parts.count < 3, "parts", "expected at most 2")
  }
}

@Suite struct JSONRecordTests {
  private func parse(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8).span) }

  @Test func membersAreReadAsWritten() throws {
    let whole = Whole(count: 3, loss: 0.1, parts: [Part(name: "a", share: 1 / 3), Part(name: "b")])
    let text = """
      {"version":1,"count":3,"loss":0.100000001,"twice":6,"note":null,"parts":[{"name":"a","share":0.33333},{"name":"b"}]}
      """
    #expect(whole.json.compactText == text)
    var read = try Whole(json: parse(text))
    #expect(read.parts[0].share == 0.33333)
    read.parts[0].share = 1 / 3
    #expect(read == whole)
    #expect(try Whole(json: Whole(loss: .infinity).json).loss.isNaN)
  }

  @Test(arguments: [
    (#"{"count":1,"parts":[]}"#, "version: expected 1"),
    (#"{"version":1,"count":1.0,"parts":[]}"#, "count: expected a whole number from 0, found a number"),
    (#"{"version":1,"count":10,"parts":[]}"#, "count: expected 0 to 9, found 10"),
    (#"{"version":1,"count":1}"#, "parts: expected an array, found nothing"),
    (#"{"version":1,"count":1,"parts":[{"name":"a"},{"name":2}]}"#, "parts[1].name: expected a string, found a number"),
    (#"{"version":1,"count":1,"note":2,"parts":[]}"#, "note: expected a string, found a number"),
    (#"{"version":1,"count":1,"parts":[7]}"#, "parts[0]: expected an object, found a number"),
    (#"{"version":1,"count":1,"parts":[{"name":""},{"name":""},{"name":""}]}"#, "parts: expected at most 2"),
    ("[]", "expected an object, found an array"),
  ])
  func mismatchesAreNamedWithTheirPath(text: String, message: String) throws {
    let json = try parse(text)
    let error = #expect(throws: JSONMismatch.self) { try Whole(json: json) }
    #expect(error?.description == message)
  }

  @Test func textIsSafeInsideMarkup() {
    let json: JSON = ["</script>": "a<b>&\u{2028}\u{7F}\"\\\n\u{8}\u{1}é"]
    #expect(
      String(decoding: json.markupSafeText, as: UTF8.self)
        == #"{"\u003c/script\u003e":"a\u003cb\u003e\u0026\u2028\u007f\"\\\n\b\u0001é"}"#)
    #expect(json.compactText == "{\"</script>\":\"a<b>&\u{2028}\u{7F}\\\"\\\\\\n\\b\\u0001é\"}")
  }

  @Test func prettyTextKeepsPlainArraysOnOneLine() {
    let json: JSON = ["a": [1, 2], "b": [JSON.object([]), ["c": true]], "d": [Int](), "e": JSON.object([])]
    #expect(
      json.prettyText == """
        {
          "a": [1, 2],
          "b": [
            {},
            {
              "c": true
            }
          ],
          "d": [],
          "e": {}
        }
        """)
  }
}
