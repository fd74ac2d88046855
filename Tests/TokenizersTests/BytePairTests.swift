import Foundation
import JSON
import Testing
import Tokenizers

/// The results of Hugging Face's `tokenizers`, which Tests/Golden/make_tokenizer_goldens.py writes.
enum Golden {
  static let json: JSON? = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/tokenizers.json")
    return (try? Data(contentsOf: file)).flatMap { try? JSONParser.parse([UInt8]($0).span) }
  }()
}

/// A generator whose numbers only need to be varied.
struct Dice {
  var state: UInt64
  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}

@Suite struct BytePairTests {
  private let golden: JSON

  init() throws { golden = try #require(Golden.json) }

  private func read(_ json: JSON) throws -> Tokenizer { try Tokenizer(text: Array(json.compactText.utf8)) }

  private func replacing(_ path: String, _ value: JSON) -> JSON {
    func replaced(_ json: JSON, _ keys: ArraySlice<Substring>) -> JSON {
      guard let key = keys.first else { return value }
      let members = json.members ?? []
      let rest = keys.dropFirst()
      if members.contains(where: { $0.key == key }) {
        return JSON(.object(members.map { $0.key == key ? .init($0.key, replaced($0.value, rest)) : $0 }))
      }
      return JSON(.object(members + [.init(String(key), replaced(.object([]), rest))]))
    }
    return replaced(golden["tokenizer"] ?? .null, path.split(separator: ".")[...])
  }

  @Test func encodesAsHuggingFace() throws {
    let tokenizer = try read(try #require(golden["tokenizer"]))
    #expect(tokenizer.vocabularySize == 420 && tokenizer.token(special: Tokenizer.endOfText) == 0)
    let texts = try #require(golden["texts"]?.array)
    #expect(texts.count > 60)
    for item in texts {
      let text = try #require(item["text"]?.string)
      let tokens = try #require(item["tokens"]?.array?.compactMap { $0.integer.map(Int32.init) })
      #expect(try tokenizer.encode(text) == tokens, "\(text.debugDescription)")
      #expect(try tokenizer.decode(tokens) == Array(text.utf8))
    }
  }

  /// Tokens that are not normalized are cut out first, as Hugging Face's library does.
  @Test func addedTokensHaveTwoPasses() throws {
    let base = try trained("abc def", 256, []).text
    func tokenizer(_ added: [(String, isNormalized: Bool)]) throws -> Tokenizer {
      let list = added.enumerated().map { index, token in
        #"{"id": \#(256 + index), "content": "\#(token.0)", "normalized": \#(token.isNormalized)}"#
      }
      let text = base.replacing("\"added_tokens\":[]", with: "\"added_tokens\":[\(list.joined(separator: ","))]")
      return try Tokenizer(text: Array(text.utf8))
    }
    func pieces(_ tokenizer: Tokenizer, _ text: String) throws -> [String] {
      try tokenizer.encode(text).map { tokenizer.label(of: $0) }
    }
    let inside = try tokenizer([("<a>", false), ("<a><b>", true)])
    #expect(try pieces(inside, "x<a><b>y") == ["x", "<a>", "<", "b", ">", "y"])
    #expect(try Tokenizer(text: Array(inside.text.utf8)).digest == inside.digest)
    let across = try tokenizer([("bc", false), ("ab", true)])
    #expect(try pieces(across, "abc") == ["a", "bc"] && pieces(across, "abd") == ["ab", "d"])
    // Where both are of one pass, the first and longest wins.
    #expect(try pieces(try tokenizer([("<a>", true), ("<a><b>", true)]), "<a><b>") == ["<a><b>"])
    // Where the order makes no difference the digest is that of tokens without it.
    for (first, second) in [("<a>", "<b>"), ("<a>", "<a"), ("ab", "bc")] {
      let mixed = try tokenizer([(first, false), (second, true)])
      let plain = try tokenizer([(first, false), (second, false)])
      #expect(mixed.digest == plain.digest && mixed.specialTokens == plain.specialTokens, "\(first) \(second)")
    }
  }

  @Test func learnsAsHuggingFace() throws {
    let corpus = try #require(golden["corpus"]?.string)
    let ours = try trained(corpus, 420)
    let theirs = try read(try #require(golden["tokenizer"]))
    #expect(ours.vocabularySize == 420 && ours.token(special: Tokenizer.endOfText) == 419)
    // Theirs has the special token in front.
    for token in Int32(0)..<419 { #expect(try ours.decode([token]) == theirs.decode([token + 1])) }
    let tokens = try ours.encode(corpus)
    #expect(try tokens.map { $0 + 1 } == theirs.encode(corpus))
    #expect(tokens.count < corpus.utf8.count / 2)
  }

  @Test func mergesWrittenAsTextAreTheSame() throws {
    let merges = try #require(golden["tokenizer"]?["model"]?["merges"]?.array)
    let texts = merges.map { JSON.string(($0.array ?? []).compactMap(\.string).joined(separator: " ")) }
    let tokenizer = try read(replacing("model.merges", .array(texts)))
    #expect(try tokenizer.text == read(try #require(golden["tokenizer"])).text)
  }

  @Test func trainingEndsWhereNothingRepeats() throws {
    let tokenizer = try trained("abab cd", 1000)
    // The 256 bytes, "ab" and the special token: every other pair occurs once.
    #expect(tokenizer.vocabularySize == 258)
    #expect(try tokenizer.encode("abab").count == 2)
    #expect(try trained("", 1000).vocabularySize == 257)
    #expect(try trained("aaaa aaaa", 256, []).vocabularySize == 256)
  }

  @Test func equalCountsAreMergedInTokenOrder() throws {
    // "ab" and "ba" and "bc" occur twice each; "ab" is the lowest pair.
    let tokenizer = try trained("abc\nabc", 257, [])
    #expect(tokenizer.label(of: 256) == "ab")
    #expect(try trained("abc\nabc", 300).text == trained("abc\nabc", 300).text)
  }

  /// Against the definition: again and again the pair of the lowest rank, leftmost first.
  @Test func encodingIsTheDefinition() throws {
    var dice = Dice(state: 7)
    let letters = Array("abcab ")
    let corpus = String((0..<4000).map { _ in letters[dice.below(letters.count)] })
    let tokenizer = try trained(corpus, 330, [])
    let model = try #require(tokenizer.model as? BytePairModel)
    var ranks: [[Int32]: Int] = [:]
    for (rank, pair) in model.pairs.enumerated() { ranks[[pair.left, pair.right]] = rank }
    let tokenOf = Dictionary(uniqueKeysWithValues: model.pieces.enumerated().map { ($0.element, Int32($0.offset)) })
    for _ in 0..<300 {
      let word = (0..<1 + dice.below(40)).map { _ in UInt8(97 + dice.below(3)) }
      var tokens = word.compactMap { tokenOf[[$0]] }
      while true {
        let pairs = zip(tokens, tokens.dropFirst()).enumerated().compactMap { place, pair in
          ranks[[pair.0, pair.1]].map { (rank: $0, place: place) }
        }
        guard let first = pairs.min(by: { ($0.rank, $0.place) < ($1.rank, $1.place) }) else { break }
        let joined = model.pieces[Int(tokens[first.place])] + model.pieces[Int(tokens[first.place + 1])]
        tokens.replaceSubrange(first.place...first.place + 1, with: [try #require(tokenOf[joined])])
      }
      #expect(try tokenizer.encode(word) == tokens)
    }
  }

  @Test func aLongWordIsNoTrouble() throws {
    let tokenizer = try trained(String(repeating: "ab", count: 500), 280)
    let start = ContinuousClock.now
    let text = [UInt8](repeating: 97, count: 1 << 20) + [UInt8](repeating: 98, count: 1 << 20)
    #expect(try tokenizer.decode(tokenizer.encode(text)) == text)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test(arguments: [
    ("model.type", JSON.string("WordPiece"), "WordPiece"), ("model.type", .null, "BPE"),
    ("model.unk_token", .string("<unk>"), "unk_token"), ("model.dropout", .number(0.1), "dropout"),
    ("model.continuing_subword_prefix", .string("##"), "##"), ("model.end_of_word_suffix", .string("</w>"), "</w>"),
    ("model.byte_fallback", .boolean(true), "byte_fallback"), ("model.ignore_merges", .boolean(true), "ignore_merges"),
    ("normalizer", .object([("type", .string("NFC"))]), "NFC"),
    ("pre_tokenizer", .object([("type", .string("Whitespace"))]), "Whitespace"), ("pre_tokenizer", .null, "ByteLevel"),
    ("pre_tokenizer.add_prefix_space", .boolean(true), "add_prefix_space"),
    ("pre_tokenizer.use_regex", .boolean(false), "use_regex"),
    ("post_processor", .object([("type", .string("TemplateProcessing"))]), "TemplateProcessing"),
    ("decoder", .object([("type", .string("WordPiece"))]), "decoder"), ("model.vocab", .array([]), "object"),
    ("model.vocab", .object([]), "1 to"), ("model.vocab", .object([("a", .integer(0))]), "<|endoftext|>"),
    ("model.vocab", .object([("<|endoftext|>", .integer(0)), ("a", .integer(1))]), "tokens of the vocabulary"),
    ("model.vocab.a", .integer(1 << 40), "ids 0 to"), ("model.vocab.a", .integer(-1), "ids 0 to"),
    ("model.vocab.a", .number(1.5), "ids 0 to"), ("model.vocab.a", .integer(5), "twice"),
    ("model.vocab.a b", .integer(420), "alphabet"), ("model.merges", .object([]), "a list"),
    ("model.merges", .array([.string("a")]), "merges[0]"), ("model.merges", .array([.string("a b c")]), "merges[0]"),
    ("model.merges", .array([.string("a ")]), "merges[0]"), ("model.merges", .array([.integer(1)]), "merges[0]"),
    ("model.merges", .array([.array([.string("a"), .string("b"), .string("c")])]), "merges[0]"),
    ("model.merges", .array([.string("q q")]), "\"qq\""),
    ("model.merges", .array([.string("t h"), .string("t h")]), "model.merges[0]"),
    ("added_tokens", .array([.object([("id", .integer(99999)), ("content", .string("<x>"))])]), "right behind"),
    ("added_tokens", .array([.object([("id", .integer(-1)), ("content", .string("<x>"))])]), "0 to"),
    ("added_tokens", .array([.object([("id", .integer(7)), ("content", .string("<x>"))])]), "<x>"),
    ("added_tokens", .array([.object([("id", .integer(420)), ("content", .string(""))])]), "content"),
    (
      "added_tokens",
      .array([.object([("id", .integer(0)), ("content", .string("<|endoftext|>")), ("lstrip", .boolean(true))])]),
      "lstrip"
    ),
  ])
  func refusesByName(_ path: String, _ value: JSON, _ word: String) {
    expectRefusal(word) { _ = try read(replacing(path, value)) }
  }

  /// Damaged files are refused in one line, or encode and decode whatever they then are.
  @Test func damagedFilesAreReadOrRefused() throws {
    let good = Array(try trained("the theory of other others there", 300).text.utf8)
    var dice = Dice(state: 3)
    let rounds = Int(ProcessInfo.processInfo.environment["TROUPE_FUZZ_ROUNDS"] ?? "") ?? 600
    var refused = 0
    let probe = Array("the others' theory <|endoftext|> é".utf8)
    for _ in 0..<rounds {
      var text = good
      for _ in 0...dice.below(4) {
        let at = dice.below(text.count)
        switch dice.below(6) {
        case 0: text.remove(at: at)
        case 1: text[at] = UInt8(dice.below(256))
        case 2: text.insert(UInt8(48 + dice.below(10)), at: at)
        case 3: text.removeSubrange(at..<min(text.count, at + dice.below(30)))
        case 4: text.insert(contentsOf: text[at..<min(text.count, at + dice.below(60))], at: dice.below(text.count))
        default: text[at] ^= 1 << UInt8(dice.below(8))
        }
      }
      do throws(TokenizerError) {
        let tokenizer = try Tokenizer(text: text)
        let tokens = try tokenizer.encode(probe)
        #expect(tokens.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
        #expect(try tokenizer.decode(tokens) == probe)
      } catch {
        refused += 1
        #expect(!error.description.contains("\n"))
      }
    }
    #expect(refused > rounds / 4)
  }

  @Test func aMegabyteTrainsInSeconds() throws {
    var dice = Dice(state: 11)
    var text: [UInt8] = []
    let syllables = (0..<300).map { _ in (0..<2 + dice.below(3)).map { _ in UInt8(97 + dice.below(26)) } }
    while text.count < 1 << 20 {
      for _ in 0...dice.below(3) { text += syllables[min(dice.below(300), dice.below(300))] }
      text.append(dice.below(9) == 0 ? 10 : 32)
    }
    let start = ContinuousClock.now
    var trainer = BytePairTrainer()
    try trainer.add(text)
    let tokenizer = trainer.train(vocabularySize: 1024, specialTokens: [])
    let learned = ContinuousClock.now
    let tokens = try tokenizer.encode(text)
    let encoded = ContinuousClock.now
    print("1 MiB of text: 1,024 tokens learned in \(learned - start), encoded in \(encoded - learned)")
    #expect(tokenizer.vocabularySize == 1024 && tokens.count < text.count / 2)
    #expect(learned - start < .seconds(20) && encoded - learned < .seconds(5))
  }
}
