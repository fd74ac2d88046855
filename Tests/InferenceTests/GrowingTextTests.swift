import Inference
import Testing
import Tokenizers

/// The shown part of a growing text.
struct GrowingTextTests {
  /// The characters shown after each byte of `text` and at the end.
  private func show(_ text: String, _ rule: StopRule) throws -> (pieces: [String], text: GrowingText) {
    var growing = GrowingText(rule)
    var pieces: [String] = []
    for byte in text.utf8 where growing.ending == nil { pieces.append(try growing.append(Int32(byte))) }
    pieces.append(growing.finish())
    return (pieces, growing)
  }

  @Test func charactersAreWhole() throws {
    let (pieces, text) = try show("aé€🙂b", StopRule(.bytes, strings: []))
    #expect(pieces == ["a", "", "é", "", "", "€", "", "", "", "🙂", "b", ""])
    #expect(text.text == "aé€🙂b" && text.ending == .length && text.tokens.count == 11)
  }

  @Test func invalidBytesAreShownAsReplacementCharacters() throws {
    var growing = GrowingText(StopRule(.bytes, strings: []))
    #expect(try growing.append(0xFF) == "")
    #expect(try growing.append(0xE2) == "\u{FFFD}")
    #expect(growing.finish() == "\u{FFFD}")
  }

  @Test func stopStringsAreNeverShown() throws {
    let (pieces, text) = try show("one\n\ntwo", StopRule(.bytes, strings: ["\n\n", "three"]))
    #expect(pieces == ["o", "n", "e", "", "", ""])
    #expect(text.text == "one" && text.ending == .stopString && text.tokens.count == 5)
  }

  @Test func textThatOnlyBeginsLikeAStopStringIsShown() throws {
    let (pieces, text) = try show("aab aac", StopRule(.bytes, strings: ["aac"]))
    #expect(pieces == ["", "", "aab", " ", "", "", "", ""])
    #expect(text.text == "aab " && text.ending == .stopString)
    #expect(try show("aaac", StopRule(.bytes, strings: ["aac"])).text.text == "a")
    #expect(try show("ab", StopRule(.bytes, strings: ["bc"])).pieces == ["a", "", "b"])
  }

  @Test func aTextEndsAtItsEndToken() throws {
    let tokenizer = Tokenizer.bytes.adding(specialTokens: [Tokenizer.endOfText])
    let end = try #require(tokenizer.token(special: Tokenizer.endOfText))
    let rule = StopRule(tokenizer, strings: ["xy"])
    var growing = GrowingText(rule)
    #expect(try growing.append(120) == "")
    #expect(try growing.append(end) == "x")
    #expect(growing.ending == .endToken && growing.text == "x" && growing.tokens == [120, end])
    #expect(rule.isEnd([120, end]) && rule.isEnd([1, 120, 121]) && !rule.isEnd([120, 121, 120]) && !rule.isEnd([]))
  }
}
