import Foundation
import JSON
import Testing

/// `troupe tokenizer`, and text in `troupe dataset`.
@Suite struct TokenizerTests {
  let workspace: Workspace

  init() throws {
    workspace = try .withSmallConfiguration()
    let lines = (0..<200).map { "the other theory of number \($0), and another\n" }.joined()
    try workspace.write(lines, "corpus/input.txt")
  }

  @Test func bytePairsAreLearnedAndUsed() throws {
    let learned = try workspace.succeed(
      "tokenizer", "train", "corpus", "--vocabulary", "290", "--output", "t.json", "--json"
    ).json()
    #expect(learned["vocabulary"]?.integer == 290 && learned["kind"]?.string == "byte_pair")
    try workspace.succeed("tokenizer", "train", "corpus/*.txt", "--vocabulary", "290", "--output", "again.json")
    #expect(try workspace.bytes("t.json") == workspace.bytes("again.json"))
    let text = "the other <|endoftext|> théory"
    let encoded = try workspace.succeed("tokenizer", "encode", "t.json", text, "--json").json()
    let found = encoded["tokens"]?.array?.compactMap(\.integer)
    let tokens = try #require(found)
    #expect(tokens.contains(289) && tokens.count < text.utf8.count)
    let arguments = ["tokenizer", "decode", "t.json", "--json"] + tokens.map(String.init)
    #expect(try TroupeProcess(arguments, in: workspace.url).wait().json()["text"]?.string == text)
    let pieces = try workspace.succeed("tokenizer", "encode", "t.json", "the other", "--pieces").output
    #expect(pieces.contains("\t") && pieces.contains("␣"))
    let whole = try workspace.succeed("tokenizer", "encode", "t.json", "--file", "corpus/input.txt", "--json").json()
    #expect(whole["bytes"]?.integer == (try workspace.bytes("corpus/input.txt").count))
    let seen = try workspace.succeed("tokenizer", "inspect", "t.json", "--json").json()
    #expect(seen["tokens"]?.array?.count == 290 && seen["digest"] == learned["digest"])
    #expect(try workspace.succeed("tokenizer", "inspect", "t.json").output.contains("<|endoftext|>"))
  }

  @Test func charactersAreGathered() throws {
    try workspace.succeed("tokenizer", "train", "corpus", "--type", "characters", "--output", "c.json")
    #expect(try workspace.succeed("tokenizer", "inspect", "c.json").output.contains("characters"))
    #expect(try workspace.succeed("tokenizer", "encode", "c.json", "\n").outputLines == ["0"])
    try workspace.refuse("tokenizer", "encode", "c.json", "the é", saying: ["byte 4", "é", "U+E9"])
  }

  @Test func wrongUseIsOneLine() throws {
    try workspace.refuse("tokenizer", "train", "nowhere", "--output", "t.json", saying: ["nowhere"])
    try workspace.refuse(
      "tokenizer", "train", "corpus", "--vocabulary", "256", "--output", "t.json", saying: ["--vocabulary 256", "257"])
    try workspace.refuse(
      "tokenizer", "train", "corpus", "--type", "characters", "--vocabulary", "290", "--output", "t.json",
      saying: ["--vocabulary"])
    try workspace.refuse("tokenizer", "train", "corpus", "--special", "", "--output", "t.json", saying: ["--special"])
    try workspace.refuse("tokenizer", "encode", "bytes", saying: ["--file"])
    try workspace.refuse("tokenizer", "encode", "small.json", "x", saying: ["small.json", "tokenizer"])
    try workspace.refuse("tokenizer", "decode", "bytes", "65", "256", saying: ["bytes", "256"])
    #expect(!workspace.exists("t.json"))
  }

  @Test func textIsInspectedAndShown() throws {
    let seen = try workspace.succeed("dataset", "inspect", "corpus/input.txt")
    #expect(seen.output.contains("text") && seen.output.contains("different") && seen.output.contains("theory"))
    let data = #"data={"type":"text","files":"corpus","length":16,"batch_size":4,"tokenizer":{"type":"characters"}}"#
    let shown = try workspace.succeed("dataset", "preview", "small.json", "--set", data, "--samples", "2", "--json")
      .json()
    #expect(shown["samples"]?.array?.count == 2 && shown["tokenizer"]?.string == "characters")
    #expect(shown["samples"]?.array?.first?["input"]?.string?.count == 16)
    try workspace.refuse("dataset", "preview", "small.json", saying: ["--output"])
  }
}
