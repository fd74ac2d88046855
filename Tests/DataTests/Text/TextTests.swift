import Configuration
import Data
import Foundation
import JSON
import Tensors
import TestSupport
import Testing
import Tokenizers

/// The text data that `keys` describe, such as `"files": "a.txt", "length": 8`.
func textSet(_ keys: String, seed: UInt64 = 5) throws -> Dataset {
  let text = #"{"type": "text", "batch_size": 1, \#(keys)}"#
  let settings = try DataCatalog.catalog.read(try JSONParser.parse(text, file: "c.json"), path: "data").product
  return try Dataset(opening: settings, runSeed: seed)
}

@Suite struct TextTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  /// `count` bytes that are all different from their neighbors: 0, 1, …, 250, 0, …
  private func numbered(_ count: Int, _ name: String = "numbered") throws -> String {
    try scratch.write((0..<count).map { UInt8($0 % 251) }, name)
  }

  private func window(_ set: Dataset, _ sample: Int, _ reading: Reading = .evaluation) -> (input: [Int], target: [Int])
  {
    (set.values(sample, 0, reading).map { Int($0) }, set.values(sample, 1, reading).map { Int($0) })
  }

  @Test func splitsAreContiguousTokens() throws {
    let path = try numbered(1000)
    let set = try textSet(#""files": "\#(path)", "length": 10"#)
    // 900 tokens to train on, 100 to validate: nothing is read across.
    #expect(set.splits.training.count == 89 && set.splits.validation.count == 10 && set.splits.test.isEmpty)
    #expect(set.fields.map(\.name) == ["input", "target"])
    #expect(set.fields.allSatisfy { $0.type == .int32 && $0.classCount == 256 && $0.shape == TensorShape([10]) })
    for epoch in 0..<30 {
      for sample in 0..<89 {
        let (input, target) = window(set, set.splits.training[sample], .training(epoch: epoch))
        #expect(zip(input, target).allSatisfy { ($0 + 1) % 251 == $1 })
        #expect(Array(input.dropFirst()) == Array(target.dropLast()))
      }
    }
    // The last training window ends at token 899 at most: the sum of positions tells where it lies.
    let offsets = Set((0..<200).map { epoch in window(set, 0, .training(epoch: epoch)).input[0] })
    #expect(offsets == Set(0..<10))
    #expect((0..<200).allSatisfy { window(set, 88, .training(epoch: $0)).target[9] <= 899 % 251 })
    let again = try textSet(#""files": "\#(path)", "length": 10"#)
    #expect((0..<9).allSatisfy { window(set, 3, .training(epoch: $0)) == window(again, 3, .training(epoch: $0)) })
    let other = try textSet(#""files": "\#(path)", "length": 10"#, seed: 6)
    #expect((0..<9).contains { window(set, 3, .training(epoch: $0)) != window(other, 3, .training(epoch: $0)) })
  }

  /// Lines of JSON are read for their texts alone.
  @Test func otherKeysOfJSONLinesDoNotMatter() throws {
    let lines = [
      #"{"text": "abcdef", "score": NaN}"#, "   ", #"{"user": "cut \ud83d", "text": "ghijkl"}"#, "\t",
      #"{"text": "mn"}"#,
    ]
    let path = try scratch.write(lines.joined(separator: "\n"), "t.jsonl")
    let set = try textSet(#""jsonl": "\#(path)", "length": 4, "validation_fraction": 0"#)
    #expect(set.splits.training.count > 0)
    let bad = try scratch.write(#"{"text": "\ud83d"}"#, "bad.jsonl")
    expectRefusal("bad.jsonl", "line 1", "surrogate") { _ = try textSet(#""jsonl": "\#(bad)", "length": 4"#) }
    let pairs = try scratch.write("{\"source\": \"a\", \"target\": \"b\", \"x\": NaN}\n  \n", "p.jsonl")
    #expect(try PairData(files: [pairs]).open(seed: 0).samples.count == 1)
  }

  @Test func evaluationPredictsEachTokenOnce() throws {
    for length in [1, 7, 10, 33, 99, 100, 150] {
      let set = try textSet(#""files": "\#(try numbered(1000))", "length": \#(length), "test_fraction": 0.05"#)
      for (split, first, count) in [(set.splits.validation, 850, 100), (set.splits.test, 950, 50)] {
        var predicted: [Int] = []
        for position in 0..<split.count {
          let (input, target) = window(set, split[position])
          for (a, b) in zip(input, target) where b >= 0 {
            #expect((a + 1) % 251 == b)
            predicted.append(b)
          }
          // The padding stands behind what is there.
          #expect(target.drop { $0 >= 0 }.allSatisfy { $0 == -1 })
        }
        #expect(predicted == (first + 1..<first + count).map { $0 % 251 }, "length \(length)")
      }
    }
  }

  @Test func sizesFollowNanoGPT() throws {
    let set = try textSet(#""files": "\#(try numbered(1_115_394))", "length": 64"#)
    // int(1115394 · 0.9) tokens to train on; the rest validates.
    #expect(set.splits.training.count == 1_003_854 / 64 - 1)
    #expect(set.splits.validation.count == (111_540 - 1 + 63) / 64)
    let counted = try textSet(
      #""files": "\#(try numbered(1000))", "length": 10, "validation_count": 3, "test_count": 2, "limit": 7"#)
    #expect([counted.splits.training, counted.splits.validation, counted.splits.test].map(\.count) == [7, 3, 2])
    #expect(window(counted, counted.splits.test[1]).target.last == 999 % 251)
    let whole = try textSet(#""files": "\#(try numbered(1000))", "length": 10, "validation_fraction": 0"#)
    #expect(whole.splits.validation.isEmpty && whole.splits.training.count == 99)
    // A text of little more than a window has one.
    let short = try textSet(#""files": "\#(try numbered(13))", "length": 10, "validation_fraction": 0"#)
    #expect(short.splits.training.count == 1)
    #expect(Set((0..<100).map { window(short, 0, .training(epoch: $0)).input[0] }) == [0, 1, 2])
  }

  @Test func withoutShufflingEpochsBeginAtTheFirstToken() throws {
    let set = try textSet(#""files": "\#(try numbered(300))", "length": 8, "shuffle": false"#)
    #expect((0..<20).allSatisfy { window(set, 0, .training(epoch: $0)).input[0] == 0 })
  }

  @Test func streamsGoOnWhereTheyStopped() throws {
    let set = try textSet(
      #""files": "\#(try numbered(2000))", "length": 10, "order": "streams", "limit": 178"#)
    #expect(set.pieceLength == 10)
    let batch = 4
    let order = SampleOrder(samples: set.splits.training, isShuffled: true, seed: 5, streams: batch)
    let steps = order.stepsPerEpoch(batchSize: batch)
    #expect(steps == 44)
    for cursor in [0, 1, 43, 44, 60, 88] {
      let (epoch, first) = order.position(step: cursor, batchSize: batch)
      #expect(order.tokensBefore(step: cursor, batchSize: batch, pieceLength: 10) == cursor % 44 * 10)
      guard cursor % 44 < 43 else { continue }
      for row in 0..<batch {
        let here = window(set, order.epoch(epoch)[first + row], .training(epoch: epoch))
        let next = window(set, order.epoch(epoch)[first + batch + row], .training(epoch: epoch))
        #expect(here.target.last == next.input.first)
      }
    }
    // Every sample once, but for the two that do not fill a batch.
    let epoch = order.epoch(3)
    #expect(Set((0..<epoch.count).map { epoch[$0] }).count == 176 && epoch.count == 176)
    #expect(try textSet(#""files": "\#(try numbered(2000))", "length": 10"#).fingerprint != set.fingerprint)
  }

  @Test func documentsAreJoined() throws {
    for (name, text) in [("a.txt", "aaa"), ("b.txt", "bb"), ("sub/c.txt", "cccc"), ("d.md", "dd"), ("e.txt", "")] {
      try FileManager.default.createDirectory(
        atPath: scratch.path("sub"), withIntermediateDirectories: true)
      try scratch.write(text, name)
    }
    func text(_ keys: String) throws -> String {
      let set = try textSet(keys + #", "length": 1, "validation_fraction": 0, "shuffle": false"#)
      let tokens = (0..<set.splits.training.count).map { Int32(set.values($0, 0)[0]) }
      let tokenizer = try #require(set.tokenizer)
      return String(decoding: try tokenizer.decode(tokens), as: UTF8.self)
    }
    let folder = scratch.path
    // The last token is only ever predicted.
    #expect(try text(#""files": "\#(folder)", "separator": "|""#) == "aaa|bb|ccc")
    #expect(try text(#""files": "\#(folder)""#) == "aaabbccc")
    #expect(try text(#""files": ["\#(folder)/d.md", "\#(folder)/*.txt"], "separator": "\n\n""#) == "dd\n\naaa\n\nb")
    #expect(try text(#""files": "\#(folder)", "pattern": "**/?.*", "separator": "-""#) == "aaa-bb-dd-ccc")
    #expect(try text(#""files": ["\#(folder)/b.txt", "\#(folder)/b.txt", "\#(folder)"]"#) == "bbaaaccc")
    try scratch.write("{\"text\": \"one\"}\r\n\n{\"n\": 1, \"text\": \"\\u00f6two\"}\n", "lines.jsonl")
    #expect(try text(#""jsonl": "\#(folder)/lines.jsonl", "separator": " ""#) == "one ötw")
    expectRefusal("lines.jsonl", "line 1", "text_key") {
      _ = try text(#""jsonl": "\#(folder)/lines.jsonl", "text_key": "body""#)
    }
    expectRefusal("d.md", "line 1", "JSON object") { _ = try text(#""jsonl": "\#(folder)/d.md""#) }
  }

  @Test func boundariesAreNotLearned() throws {
    try scratch.write("abc", "1.txt")
    try scratch.write("defg", "2.txt")
    try scratch.write("hi", "3.txt")
    func targets(_ keys: String) throws -> [Int] {
      let set = try textSet(
        #""files": "\#(scratch.path)", "length": 8, "validation_fraction": 0, "shuffle": false, \#(keys)"#)
      return window(set, 0).target
    }
    let bytes = { (text: String) in text.utf8.map { Int($0) } }
    #expect(try targets(#""document_boundaries": false"#) == bytes("bcdefghi"))
    #expect(try targets(#""document_boundaries": true"#) == bytes("bc") + [-1] + bytes("efg") + [-1] + bytes("i"))
    // The separator itself is learned; what follows it belongs to the next document.
    #expect(
      try targets(#""document_boundaries": true, "separator": "|""#) == bytes("bc|") + [-1] + bytes("efg|"))
  }

  @Test func charactersComeFromTheCorpusOrAFile() throws {
    let path = try scratch.write(String(repeating: "zé a\n", count: 30), "small.txt")
    let set = try textSet(#""files": "\#(path)", "length": 4, "tokenizer": {"type": "characters"}"#)
    #expect(set.fields[1].classCount == 5 && set.tokenizer?.kind == "characters")
    #expect(window(set, 0).input == [3, 4, 1, 2])
    try scratch.write(try #require(set.tokenizer).text, "characters.json")
    let file = #""tokenizer": {"type": "characters", "file": "\#(scratch.path("characters.json"))"}"#
    #expect(try textSet(#""files": "\#(path)", "length": 4, \#(file)"#).fingerprint == set.fingerprint)
    let other = try scratch.write(String(repeating: "zé a\n", count: 3) + "x", "other.txt")
    expectRefusal("other.txt", "byte 18", "5 characters", "U+78") {
      _ = try textSet(#""files": "\#(other)", "length": 4, \#(file)"#)
    }
    expectRefusal("characters.json", "byte_pair", "characters") {
      _ = try textSet(
        #""files": "\#(path)", "tokenizer": {"type": "byte_pair", "file": "\#(scratch.path("characters.json"))"}"#)
    }
  }

  @Test func endOfTextStandsBetweenDocuments() throws {
    var trainer = BytePairTrainer()
    try trainer.add(Array("the theory of the others".utf8))
    let tokenizer = trainer.train(vocabularySize: 262, specialTokens: [Tokenizer.endOfText])
    try scratch.write(tokenizer.text, "tokenizer.json")
    try scratch.write("the", "1.txt")
    try scratch.write("the the the", "2.txt")
    let keys =
      #""files": "\#(scratch.path)", "length": 3, "validation_fraction": 0, "shuffle": false, "#
      + #""tokenizer": {"type": "byte_pair", "file": "\#(scratch.path("tokenizer.json"))"}"#
    let set = try textSet(keys)
    #expect(set.fields[0].classCount == tokenizer.vocabularySize)
    let first = try tokenizer.encode("the").map { Int($0) }
    #expect(
      Array((window(set, 0).input + window(set, 0).target.suffix(1)).prefix(first.count + 1)) == first + [
        tokenizer.vocabularySize - 1
      ])
    #expect(try textSet(keys + #", "separator": """#).fingerprint != set.fingerprint)
    try scratch.write([0x74, 0x68, 0xFF], "3.txt")
    expectRefusal("3.txt", "byte 2", "UTF-8") { _ = try textSet(keys) }
  }

  @Test func largeCorporaAreKeptInAFile() throws {
    let path = try numbered(5000)
    var data = TextData(files: [path])
    data.length = 16
    data.largeByteCount = 1000
    let folder = scratch.path("cache")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    data.cache = folder
    func open() throws -> Dataset {
      try Dataset(opening: DataSettings(common: CommonDataSettings(), kind: data), runSeed: 5)
    }
    func caches() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
    let first = try open()
    let names = try caches()
    #expect(names.count == 1 && names[0].hasPrefix(".troupe-tokens-"))
    #expect(first.source.residentBytes < 100)
    var plain = data
    plain.largeByteCount = .max
    let inMemory = try Dataset(opening: DataSettings(common: CommonDataSettings(), kind: plain), runSeed: 5)
    #expect(inMemory.source.residentBytes >= 10_000 && inMemory.fingerprint == first.fingerprint)
    for sample in [0, 7, 200, first.source.count - 1] {
      #expect(first.values(sample, 0) == inMemory.values(sample, 0))
      #expect(first.values(sample, 1) == inMemory.values(sample, 1))
    }
    // Whatever is done to the file: it is found out, and written again.
    let file = folder + "/" + names[0]
    let good = try Data(contentsOf: URL(fileURLWithPath: file))
    for round in 0..<60 {
      var damaged = good
      let random = RandomStream(seed: 3, purpose: .checking, step: round)
      let at = random.integer(0, below: damaged.count)
      switch round % 4 {
      case 0: damaged[at] ^= 1 << UInt8(random.integer(1, below: 8))
      case 1: damaged.removeLast(damaged.count - at)
      case 2: damaged.append(0)
      default: damaged[random.integer(2, below: 64)] ^= 1 << UInt8(random.integer(1, below: 8))
      }
      try damaged.write(to: URL(fileURLWithPath: file))
      #expect(try open().values(7, 0) == inMemory.values(7, 0))
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == good)
    }
    // Another text has another file, another tokenizer too.
    try scratch.write((0..<5000).map { UInt8(($0 + 1) % 251) }, "numbered")
    #expect(try open().fingerprint != first.fingerprint)
    data.separator = "x"
    data.tokenizer = .bytes
    _ = try open()
    #expect(try caches().count == 3)
    data.cache = scratch.path("none")
    expectRefusal("none", "data.cache") { _ = try open() }
    // Beside the data it is only a convenience.
    data.cache = nil
    _ = try open()
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).contains { $0.hasPrefix(".troupe") })
  }

  @Test func namesWhatIsWrong() throws {
    let short = try scratch.write("abcdefgh", "short.txt")
    expectRefusal("short.txt", "data.length", "9 tokens", "8 of 8") {
      _ = try textSet(#""files": "\#(short)", "length": 8, "validation_fraction": 0"#)
    }
    expectRefusal("empty.txt", "expected a text", "empty") {
      _ = try textSet(#""files": "\#(try scratch.write("", "empty.txt"))""#)
    }
    expectRefusal("nowhere", "nothing of that name") { _ = try textSet(#""files": "nowhere""#) }
    expectRefusal("nowhere/*.x", "files that match") { _ = try textSet(#""files": "nowhere/*.x""#) }
    expectRefusal(scratch.path, "**/*.tex", "data.pattern") {
      _ = try textSet(#""files": "\#(scratch.path)", "pattern": "**/*.tex""#)
    }
    expectRefusal("data.validation_fraction", "at least two") {
      _ = try textSet(#""files": "\#(short)", "length": 2, "validation_fraction": 0.01"#)
    }
    expectRefusal("data.batch_size", "at most the 3") {
      var settings = CommonDataSettings()
      settings.validation = .fraction(0)
      var data = TextData(files: [short])
      data.length = 2
      _ = try Dataset(opening: DataSettings(common: settings, kind: data), runSeed: 1)
    }
    expectRefusal("max_bytes") { _ = try textSet(#""files": "\#(short)", "max_bytes": 7"#) }
    expectRefusal("absent.json", "readable") {
      _ = try textSet(#""files": "\#(short)", "tokenizer": {"type": "byte_pair", "file": "absent.json"}"#)
    }
    expectRefusal("float32 inputs", "standardize") {
      _ = try textSet(#""files": "\#(short)", "length": 2, "validation_fraction": 0, "standardize": true"#)
    }
  }
}

@Suite struct TextInspectionTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  @Test func textIsSeenToBeText() throws {
    let path = try scratch.write("Grüße\n\tund mehr\n", "a.txt")
    let summary = try DatasetSummary.inspect(path)
    #expect(summary.kind == "text" && summary.count == 1)
    #expect(summary.parts.map(\.shape.elementCount) == [18, 16])
    #expect(summary.parts[1].type.contains("13 different") && summary.preview.first == "  | Grüße")
    try scratch.write("{\"text\": \"one\"}\n{\"text\": \"two\"}\n", "b.jsonl")
    #expect(try DatasetSummary.inspect(scratch.path("b.jsonl")).count == 2)
    let folder = try DatasetSummary.inspect(scratch.path)
    #expect(folder.kind == "text" && folder.count == 2 && !folder.lines.isEmpty)
    let broken = try DatasetSummary.inspect(try scratch.write([0x41, 0xFF, 0x42], "c.txt"))
    #expect(broken.parts.count == 1 && broken.notes.contains { $0.contains("byte 1") })
  }

  @Test func windowsAreShownAsText() throws {
    let path = try scratch.write(String(repeating: "abc def\n", count: 20), "a.txt")
    let set = try textSet(#""files": "\#(path)", "length": 8, "shuffle": false"#)
    let shown = try set.textPreview(samples: 2)
    #expect(shown.map { $0.map(\.text) } == [["abc def\n", "bc def\na"], ["abc def\n", "bc def\na"]])
    let other = try dataset(#""shuffle": true"#, images(4, 2, 2))
    expectRefusal("expected text") { _ = try other.textPreview(samples: 1) }
  }

  @Test func patterns() throws {
    for name in ["a/b/c.txt", "a/c.txt", "a/.hidden/d.txt", "a/.e.txt", "c.txt", "a/b/x.md"] {
      let file = URL(fileURLWithPath: scratch.path(name))
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try scratch.write("text of \(name)", name)
    }
    // A link to a folder above must not lead around in circles.
    try FileManager.default.createSymbolicLink(atPath: scratch.path("a/b/up"), withDestinationPath: scratch.path)
    let folder = URL(fileURLWithPath: scratch.path).lastPathComponent
    func names(_ pattern: String) throws -> [String] {
      var names: [String] = []
      try TextFile.forEach(["\(scratch.path)/\(pattern)"], pattern: "**/*.txt") { _, path in
        names.append(path.components(separatedBy: "/\(folder)/").last ?? "")
      }
      return names
    }
    #expect(try names("**/*.txt") == ["a/b/c.txt", "a/c.txt", "c.txt"])
    #expect(try names("**/c.txt") == ["a/b/c.txt", "a/c.txt", "c.txt"])
    #expect(try names("a/**") == ["a/b/c.txt", "a/b/x.md", "a/c.txt"])
    #expect(try names("*/?.txt") == ["a/c.txt"])
    #expect(try names("a/.*") == ["a/.e.txt"])
    #expect(try names("**/b/**/*.md") == ["a/b/x.md"])
    #expect(try names("a") == ["a/b/c.txt", "a/c.txt"])
    let stars = String(repeating: "**/", count: 40) + "*/**/*/**/none"
    expectRefusal("files that match") { _ = try names(stars) }
  }

  /// The project's own sources, as its configurations name them.
  @Test func ownSources() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let set = try textSet(#""files": "\#(root)/Sources/**/*.swift", "length": 128"#)
    #expect(set.splits.training.count > 5000 && set.splits.validation.count > 500)
  }
}

@Suite struct TinyShakespeareTests {
  static let file: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let path = root.appendingPathComponent("../shared/datasets/tiny-shakespeare/input.txt").standardizedFileURL.path
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }()

  @Test(.enabled(if: file != nil, "needs ../shared/datasets/tiny-shakespeare, which is not here"))
  func isNanoGPTs() throws {
    let file = try #require(Self.file)
    let set = try textSet(#""files": "\#(file)", "length": 64, "tokenizer": {"type": "characters"}"#)
    let tokenizer = try #require(set.tokenizer)
    #expect(tokenizer.vocabularySize == 65)
    // The first line as nanoGPT's train.bin has it.
    #expect(try tokenizer.encode("First Citizen:\n") == [18, 47, 56, 57, 58, 1, 15, 47, 58, 47, 64, 43, 52, 10, 0])
    #expect(set.splits.training.count == 1_003_854 / 64 - 1 && set.splits.validation.count == 1743)
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    #expect(try textSet(#""files": "\#(folder)", "length": 64"#).fields[0].classCount == 256)
  }
}
