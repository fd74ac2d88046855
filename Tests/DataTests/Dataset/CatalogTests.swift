import Configuration
import Data
import JSON
import Tensors
import Testing

@Suite struct CatalogTests {
  private func read(_ text: String) throws -> (product: DataSettings, resolved: JSON) {
    try DataCatalog.catalog.read(try JSONParser.parse(text, file: "c.json"), path: "data")
  }

  @Test func readsTheCommonKeys() throws {
    let settings = try read(
      """
      {"type": "glyphs", "count": 50, "batch_size": 8, "validation_fraction": 0.2, "test_count": 5, "standardize": true,
       "shuffle": false, "seed": 9, "limit": 20}
      """
    ).product
    #expect(settings.common.batchSize == 8)
    #expect(settings.common.validation == .fraction(0.2))
    #expect(settings.common.test == .count(5))
    #expect(settings.common.seed == 9)
    let set = try Dataset(opening: settings, runSeed: 1)
    #expect(set.seed == 9)
    #expect(set.splits.training.count == 20)
    #expect(set.order.isShuffled == false)
    #expect(set.standardization != nil)
  }

  @Test(arguments: [
    #"{"type": "idx", "images": "i", "labels": "l"}"#, #"{"type": "csv", "file": "f"}"#,
    #"{"type": "hdf5", "file": "f"}"#, #"{"type": "image_folder", "path": "p"}"#,
    #"{"type": "image_folder", "path": "p", "size": [32, 48], "channels": 1, "resize": "crop"}"#,
    #"{"type": "cifar", "path": "p"}"#, #"{"type": "cifar", "path": "p", "labels": "coarse"}"#,
    #"{"type": "spirals"}"#, #"{"type": "glyphs"}"#, #"{"type": "noise", "shape": [3, 4]}"#,
    #"{"type": "shapes", "augmentation": [{"type": "random_crop", "padding": 4}, {"type": "cutout", "size": 8}]}"#,
    #"{"type": "text", "files": "f"}"#, #"{"type": "text", "files": ["f", "g/**/*.txt"], "pattern": "*.md"}"#,
    #"{"type": "text", "jsonl": "f", "text_key": "t", "tokenizer": {"type": "characters"}, "order": "streams"}"#,
    #"{"type": "text", "files": "f", "separator": "", "tokenizer": {"type": "byte_pair", "file": "t"}}"#,
    #"{"type": "pairs", "files": "f", "source_key": "de", "too_long": "drop"}"#,
    #"{"type": "sequence_task", "task": "sort"}"#,
    #"{"type": "shapes", "normalize": {"mean": [0, 0.5, 1], "std": 0.5}, "mixup": {}, "cutmix": {}}"#,
  ])
  func everyKindHasDefaults(_ text: String) throws {
    let (settings, resolved) = try read(text)
    #expect(settings.common.validation == .fraction(0.1))
    // The resolved settings read back as the same.
    #expect(try read(resolved.compactText).resolved == resolved)
  }

  @Test(arguments: [
    (#"{"type": "glyfs"}"#, "glyphs"), (#"{"type": "glyphs", "counts": 3}"#, "count"),
    (#"{"type": "idx", "images": "i"}"#, "labels"),
    (#"{"type": "idx", "images": "i", "labels": "l", "test_images": "t"}"#, "belong together"),
    (#"{"type": "glyphs", "test_fraction": 0.5, "validation_fraction": 0.5}"#, "nothing to train on"),
    (#"{"type": "glyphs", "test_fraction": 0.5, "test_count": 5}"#, "keep one"),
    (#"{"type": "glyphs", "batch_size": 0}"#, "out of range"),
    (#"{"type": "csv", "file": "f", "delimiter": "ab"}"#, "one ASCII character"),
    (#"{"type": "csv", "file": "f", "targets": ["a", "b"]}"#, "one target column"),
    (#"{"type": "image_folder"}"#, "path"), (#"{"type": "image_folder", "path": "p", "size": [1, 2, 3]}"#, "size"),
    (#"{"type": "image_folder", "path": "p", "channels": 2}"#, "must be 1 or 3"),
    (#"{"type": "cifar", "path": "p", "labels": "finest"}"#, "fine"),
    (#"{"type": "text"}"#, "either"), (#"{"type": "text", "files": "f", "jsonl": "g"}"#, "either"),
    (#"{"type": "text", "files": "f", "text_key": "t"}"#, "not used"), (#"{"type": "text", "files": []}"#, "a list"),
    (#"{"type": "text", "files": "f", "tokenizer": {"type": "byte_pair"}}"#, "file"),
    (#"{"type": "text", "files": "f", "tokenizer": {"type": "bytes", "file": "t"}}"#, "file"),
    (#"{"type": "text", "files": "f", "order": "stream"}"#, "streams"), (#"{"type": "pairs"}"#, "files"),
    (#"{"type": "sequence_task", "task": "shuffle"}"#, "reverse"),
    (#"{"type": "noise", "shape": [1000000, 1000000]}"#, "2³⁰"),
  ])
  func refusesWhatDoesNotFit(_ text: String, _ word: String) throws {
    let error = #expect(throws: ConfigurationError.self) { _ = try read(text) }
    #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
  }

  @Test func describesItself() throws {
    let definitions = SchemaDefinitions()
    let reader = SettingsReader(describingInto: definitions)
    _ = try reader.component("data", from: DataCatalog.catalog, "data")
    #expect(definitions.alternatives["data"]?.count == DataCatalog.catalog.entries.count)
  }
}
