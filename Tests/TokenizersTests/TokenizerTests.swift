import Foundation
import JSON
import Testing
import Tokenizers

/// Runs `body`, which must throw a `TokenizerError` whose one line contains all of `words`.
func expectRefusal(
  _ words: String..., location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
  let error = #expect(throws: TokenizerError.self, sourceLocation: location) { try body() }
  let line = error?.description ?? ""
  #expect(!line.contains("\n"), sourceLocation: location)
  for word in words { #expect(line.contains(word), "\(line)", sourceLocation: location) }
}

func characters(_ text: String) throws -> Tokenizer {
  var census = CharacterCensus()
  try census.add(Array(text.utf8))
  return .characters(try #require(census.vocabulary))
}

func trained(_ text: String, _ size: Int, _ special: [String] = [Tokenizer.endOfText]) throws -> Tokenizer {
  var trainer = BytePairTrainer()
  try trainer.add(Array(text.utf8))
  return trainer.train(vocabularySize: size, specialTokens: special)
}

@Suite struct TokenizerTests {
  @Test func bytesAreTokens() throws {
    let tokenizer = Tokenizer.bytes
    #expect(tokenizer.vocabularySize == 256)
    #expect(try tokenizer.encode("aé") == [97, 0xC3, 0xA9])
    // Bytes that are no UTF-8 are text too.
    #expect(try tokenizer.encode([0xFF, 0]) == [255, 0])
    #expect(try tokenizer.decode([0xC3, 0xA9]) == Array("é".utf8))
    #expect(tokenizer.label(of: 32) == "␣" && tokenizer.label(of: 10) == "\\n" && tokenizer.label(of: 0xC3) == "\\xc3")
    expectRefusal("token 1", "0 to 255", "256") { _ = try tokenizer.decode([1, 256]) }
    expectRefusal("-1") { _ = try tokenizer.decode([-1]) }
  }

  @Test func charactersAreInOrder() throws {
    let tokenizer = try characters("hello, é wörld\n")
    #expect(try tokenizer.encode("\n ,d") == [0, 1, 2, 3])
    #expect(try tokenizer.decode(tokenizer.encode("wörld é")) == Array("wörld é".utf8))
    #expect(tokenizer.label(of: 1) == "␣")
    expectRefusal("byte 3", "12 characters", "x", "U+78") { _ = try tokenizer.encode("höx") }
    expectRefusal("byte 1", "UTF-8", "0xff") { _ = try tokenizer.encode([0x68, 0xFF]) }
    expectRefusal("byte 0", "UTF-8") { _ = try tokenizer.encode([0xC3]) }
    // Composed and decomposed are different characters.
    expectRefusal("U+301") { _ = try tokenizer.encode("e\u{301}") }
    var census = CharacterCensus()
    #expect(census.vocabulary == nil)
    expectRefusal("byte 2") { try census.add([65, 66, 0x80]) }
  }

  @Test func specialTokensComeBehindAndStandForThemselves() throws {
    let tokenizer = try characters("abc").adding(specialTokens: ["<|end|>", "<|"])
    #expect(tokenizer.vocabularySize == 5)
    #expect(tokenizer.token(special: "<|end|>") == 3 && tokenizer.token(special: "a") == nil)
    // The longest that fits.
    #expect(try tokenizer.encode("ab<|end|><|c") == [0, 1, 3, 4, 2])
    #expect(try tokenizer.decode([3, 0]) == Array("<|end|>a".utf8))
    expectRefusal("U+3C") { _ = try tokenizer.encode("<|end|>", readsSpecialTokens: false) }
    #expect(tokenizer.adding(specialTokens: ["<|"]).vocabularySize == 5)
  }

  @Test func textAndBack() throws {
    for tokenizer in [
      Tokenizer.bytes, .bytes.adding(specialTokens: ["<|pad|>"]), try characters("a\"\u{0}é👍"),
      try characters("0123").adding(specialTokens: ["<b>", "<e>"]), try trained("aaa bbb aaa bbb the the", 270),
    ] {
      let copy = try Tokenizer(text: Array(tokenizer.text.utf8))
      #expect(copy.text == tokenizer.text && copy.digest == tokenizer.digest)
      #expect(copy.vocabularySize == tokenizer.vocabularySize && copy.specialTokens == tokenizer.specialTokens)
    }
    #expect(Tokenizer.bytes.digest != Tokenizer.bytes.adding(specialTokens: ["x"]).digest)
    #expect(try characters("ab").digest != characters("ac").digest)
  }

  @Test(arguments: [
    ("", "JSON"), ("[]", "object"), ("{}", "neither"), (#"{"type": "wordpiece"}"#, "wordpiece"),
    (#"{"type": "bytes", "file": 1}"#, "file"), (#"{"type": "characters"}"#, "ascending"),
    (#"{"type": "characters", "characters": ""}"#, "at least one"),
    (#"{"type": "characters", "characters": "ba"}"#, "ascending"),
    (#"{"type": "characters", "characters": "aab"}"#, "each once"),
    (#"{"type": "bytes", "special_tokens": ["a", "a"]}"#, "each once"),
    (#"{"type": "bytes", "special_tokens": [""]}"#, "none empty"),
    (#"{"type": "bytes", "special_tokens": [1]}"#, "list of texts"),
  ])
  func refusesWhatIsNoTokenizer(_ text: String, _ word: String) {
    expectRefusal(word) { _ = try Tokenizer(text: Array(text.utf8)) }
  }
}
