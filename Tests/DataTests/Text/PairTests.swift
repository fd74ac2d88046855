import Configuration
import Data
import Foundation
import JSON
import Tensors
import TestSupport
import Testing
import Tokenizers

@Suite struct PairTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  private func set(_ keys: String, seed: UInt64 = 5) throws -> Dataset {
    let text = #"{"batch_size": 1, "validation_fraction": 0, \#(keys)}"#
    let settings = try DataCatalog.catalog.read(try JSONParser.parse(text, file: "c.json"), path: "data").product
    return try Dataset(opening: settings, runSeed: seed)
  }

  private func fields(_ set: Dataset, _ sample: Int) -> [[Int]] {
    set.fields.indices.map { set.values(sample, $0).map { Int($0) } }
  }

  @Test func layOutAsDocumented() throws {
    let path = try scratch.write("ab\tcde\r\n\ncab\t\n", "pairs.tsv")
    let set = try set(
      #""type": "pairs", "files": "\#(path)", "source_length": 4, "target_length": 5, "#
        + #""tokenizer": {"type": "characters"}"#)
    #expect(set.fields.map(\.name) == ["input", "source", "source_lengths", "target"])
    // Five characters, and behind them padding 5, begin 6 and end 7.
    #expect(set.fields.map(\.classCount) == [8, 8, 5, 8])
    #expect(set.fields.map(\.shape.dimensions) == [[5], [4], [], [5]])
    #expect(set.splits.training.count == 2)
    #expect(fields(set, 0) == [[6, 2, 3, 4, 5], [0, 1, 5, 5], [2], [2, 3, 4, 7, -1]])
    #expect(fields(set, 1) == [[6, 5, 5, 5, 5], [2, 0, 1, 5], [3], [7, -1, -1, -1, -1]])
    #expect(set.tokenizer?.vocabularySize == 8 && set.tokenizer?.token(special: "<|begin|>") == 6)
    let folder = try self.set(
      #""type": "pairs", "files": "\#(scratch.path)", "source_length": 4, "target_length": 5, "#
        + #""tokenizer": {"type": "characters"}"#)
    #expect(folder.fingerprint == set.fingerprint)
    let longer = try self.set(
      #""type": "pairs", "files": "\#(path)", "source_length": 4, "target_length": 6, "#
        + #""tokenizer": {"type": "characters"}"#)
    #expect(longer.fingerprint != set.fingerprint)
  }

  @Test func jsonLinesAreTheSame() throws {
    let table = try scratch.write("ab\tcde\ncab\tx<|end|>y\n", "pairs.tsv")
    let lines = try scratch.write(
      #"{"de": "ab", "en": "cde"}"# + "\n" + #"{"en": "x<|end|>y", "de": "cab"}"# + "\n", "pairs.jsonl")
    let one = try set(#""type": "pairs", "files": "\#(table)""#)
    let two = try set(#""type": "pairs", "files": ["\#(lines)"], "source_key": "de", "target_key": "en""#)
    #expect(one.fingerprint == two.fingerprint && fields(one, 1) == fields(two, 1))
    // A text never becomes a special token.
    #expect(fields(one, 1)[3].count { $0 == 258 } == 1 && fields(one, 1)[3][9] == 258)
    expectRefusal("pairs.jsonl", "line 1", "\"source\"", "data.source_key") {
      _ = try set(#""type": "pairs", "files": "\#(lines)""#)
    }
  }

  @Test func tooLongIsRefusedOrDropped() throws {
    let path = try scratch.write("a\tb\nabc\td\na\tefg\nh\ti\n", "pairs.tsv")
    let keys = #""type": "pairs", "files": "\#(path)", "source_length": 2, "target_length": 3"#
    expectRefusal("pairs.tsv", "line 2", "2 tokens of source and 3", "3 and 2", "drop") { _ = try set(keys) }
    let dropped = try set(keys + #", "too_long": "drop""#)
    #expect(dropped.splits.training.count == 2 && fields(dropped, 1)[1][0] == 104)
    expectRefusal("none of 4") {
      _ = try set(
        #""type": "pairs", "files": "\#(path)", "source_length": 2, "target_length": 1, "too_long": "drop""#)
    }
  }

  @Test(arguments: [
    ("ab", "line 1", "0 tabs"), ("a\tb\na\tb\tc", "line 2", "2 tabs"), ("\tb", "line 1", "empty"),
    ("\n\n", "pairs", "none"),
  ])
  func namesWhatIsWrong(_ text: String, _ place: String, _ word: String) throws {
    let path = try scratch.write(text, "wrong")
    expectRefusal("wrong", place, word) { _ = try set(#""type": "pairs", "files": "\#(path)""#) }
  }

  @Test(arguments: ["reverse", "sort", "copy"]) func sequenceTasksAreWhatTheySay(_ task: String) throws {
    let keys = #""type": "sequence_task", "task": "\#(task)", "count": 400, "length": 7"#
    let set = try set(keys)
    #expect(set.fields.map(\.classCount) == [13, 13, 8, 13])
    #expect(set.fields.map(\.shape.dimensions) == [[8], [7], [], [8]])
    var lengths: Set<Int> = []
    var digits: Set<Int> = []
    for sample in 0..<400 {
      let values = fields(set, sample)
      let length = values[2][0]
      let source = Array(values[1].prefix(length))
      #expect(source.allSatisfy { (0..<10).contains($0) } && values[1].dropFirst(length).allSatisfy { $0 == 10 })
      let wanted = task == "reverse" ? source.reversed() : task == "sort" ? source.sorted() : source
      #expect(values[3] == wanted + [12] + [Int](repeating: -1, count: 7 - length))
      #expect(values[0] == [11] + wanted + [Int](repeating: 10, count: 7 - length))
      lengths.insert(length)
      digits.formUnion(source)
    }
    #expect(lengths == Set(1...7) && digits == Set(0..<10))
    let again = try self.set(keys)
    #expect(fields(again, 17) == fields(set, 17) && again.fingerprint == set.fingerprint)
    let other = try self.set(keys, seed: 6)
    #expect((0..<9).contains { fields(other, $0) != fields(set, $0) } && other.fingerprint != set.fingerprint)
    let shown = try set.textPreview(samples: 3)
    #expect(shown.count == 3 && shown[0].map(\.field) == ["input", "source", "target"])
    #expect(shown[0][0].text.hasPrefix("<|begin|>") && shown[0][2].text.hasSuffix("<|end|>"))
  }
}
