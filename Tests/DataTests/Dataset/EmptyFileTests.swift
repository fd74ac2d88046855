import Data
import Foundation
import TestSupport
import Testing

/// Files and folders with nothing in them are refused in one line by all that reads them.
@Suite struct EmptyFileTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  @Test(arguments: [
    ("e.txt", ""), ("e.md", ""), ("e.jsonl", ""), ("e.jsonl", "\n\r\n\n"), ("e.jsonl", #"{"text":""}"#),
    ("e.jsonl", "{\"text\":\"\"}\n{\"text\": \"\"}\n"), ("folder/e.txt", ""), ("folder/deep/e.jsonl", ""),
    ("e.csv", ""), ("e.csv", "\u{FEFF}"), ("e.csv", "\n\n"), ("e.csv", "a,b\n"), ("e", ""), ("e.tsv", ""),
    ("e.tar", ""), ("e.tar", String(repeating: "\0", count: 1024)), ("set/a/1.png", ""), ("cifar/train.bin", ""),
    ("mnist/train-images-idx3-ubyte", ""),
  ])
  func inspectionRefuses(name: String, content: String) throws {
    try scratch.write(content, name)
    let top = name.split(separator: "/").first.map(String.init) ?? name
    expectRefusal(scratch.path(top), "expected") { _ = try DatasetSummary.inspect(scratch.path(top)) }
  }

  /// One file with text among empty ones is enough.
  @Test func inspectionCountsEmptyDocuments() throws {
    try scratch.write("", "some/1.txt")
    try scratch.write("abc", "some/2.txt")
    let summary = try DatasetSummary.inspect(scratch.path("some"))
    #expect(summary.count == 2 && summary.parts.map(\.shape.elementCount) == [3, 3])
  }

  @Test func trainingRefuses() throws {
    try scratch.write("", "e.txt")
    try scratch.write(#"{"text":""}"#, "e.jsonl")
    for tokenizer in ["bytes", "characters"] {
      for keys in [#""files": "\#(scratch.path("e.txt"))""#, #""jsonl": "\#(scratch.path("e.jsonl"))""#] {
        expectRefusal("expected a text", "none in 1 file") {
          _ = try textSet(#"\#(keys), "tokenizer": {"type": "\#(tokenizer)"}"#)
        }
      }
    }
    for text in ["", "\n\n"] {
      let path = try scratch.write(text, "p.tsv")
      expectRefusal("pairs of texts") { _ = try PairData(files: [path]).open(seed: 0) }
    }
  }

  @Test func aTokenizerIsNotLearnedFromNothing() throws {
    let path = try scratch.write("", "e.txt")
    expectRefusal("expected a text", "1 file") { try TextFile.forEach([path], pattern: "*") { _, _ in } }
  }
}
