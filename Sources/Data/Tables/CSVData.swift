import Configuration
import Tensors

/// A table in a CSV file: numeric features and a class or values to predict.
package struct CSVData: DataKind {
  package static let kind = "csv"
  package static let places = ["file", "test_file"]
  package static let documentation = "a table of numbers with a class or values to predict, in a CSV file"

  package enum Task: String, CaseIterable, Sendable { case classification, regression }

  package var file: String
  package var testFile: String?
  package var header = true
  package var delimiter = ","
  package var task = Task.classification
  /// By name or 0-based index, negative from the end; the last column if empty.
  package var targets: [String] = []
  package var ignore: [String] = []
  package var classes: Int?
  package var maxBytes = IDXFile.defaultLimit

  private static let longestCell = 1 << 24

  package init(file: String) { self.file = file }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    file = try reader.string("file", "the table, also gzip")
    testFile = try reader.optionalString("test_file", "a table of the same columns that is only for the test")
    header = try reader.boolean("header", default: true, "whether the first row names the columns")
    delimiter = try reader.string("delimiter", default: ",", "the character between cells, such as \";\" or a tab")
    task = try reader.choice("task", default: .classification, "kind of the target")
    let target = try reader.optionalString("target", "the target column's name, or its index from 0 (-1: the last)")
    let several = try reader.optionalStrings("targets", "several target columns, for regression")
    ignore = try reader.optionalStrings("ignore", "columns to leave out, by name or index") ?? []
    classes = try reader.optionalInteger(
      "classes", in: 2...CSVTable.mostClasses,
      "labels are numbers below this; by default the labels that occur are numbered")
    maxBytes = try reader.maxBytes()
    targets = target.map { [$0] } ?? several ?? []
    try reader.require(target == nil || several == nil, "targets", "target is given too; keep one")
    try reader.require(task == .regression || targets.count <= 1, "targets", "a classification has one target column")
    try reader.require(task == .classification || classes == nil, "classes", "a regression has no classes")
    try reader.require(
      Self.delimiterByte(delimiter) != nil, "delimiter", "must be one ASCII character that no number or quote uses")
  }

  static func delimiterByte(_ text: String) -> UInt8? {
    guard text.utf8.count == 1, let byte = text.utf8.first, byte < 0x80 else { return nil }
    return "\"\r\n+-.0123456789eE".utf8.contains(byte) ? nil : byte
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    try open(seed: seed, settings: CommonDataSettings())
  }

  package func open(seed: UInt64, settings: CommonDataSettings) throws(DataError) -> OpenedSamples {
    var table = try read(file, knownClasses: nil)
    let offsets = settings.standardize ? FeatureOffsets.of(table.ranges) : []
    if !offsets.isEmpty { table = try read(file, knownClasses: nil, offsets: offsets) }
    let samples = Self.samples(table, name: file, offsets: offsets)
    guard let testFile else { return OpenedSamples(samples: samples) }
    let test = try read(testFile, knownClasses: classes == nil ? samples.fields[1].classNames : nil, offsets: offsets)
    guard test.featureNames == table.featureNames else {
      throw DataError(
        testFile, at: "line 1", expected: "the \(table.featureNames.count) feature columns of \(file)",
        found: "\(test.featureNames.count) that are not the same")
    }
    return OpenedSamples(samples: samples, test: Self.samples(test, name: testFile, offsets: offsets))
  }

  func read(_ path: String, knownClasses: [String]?, offsets: [Double] = []) throws(DataError) -> CSVTable {
    guard let delimiter = Self.delimiterByte(delimiter) else {
      throw DataError(path, expected: "a delimiter of one ASCII character", found: DataError.quoted(delimiter))
    }
    var input = try InputFile(path: path)
    // Bytes since a cell ended: a small packed file may hold a cell without an end.
    var open = 0
    let bytes = try input.rest(limit: maxBytes) { (piece) throws(DataError) in
      let end = piece.lastIndex { $0 == delimiter || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
      open = end.map { piece.count - 1 - $0 } ?? open + piece.count
      guard open <= Self.longestCell else {
        throw DataError(
          path, expected: "cells of at most \(DataError.bytes(Self.longestCell))", found: "a longer one",
          advice: "check the delimiter")
      }
    }
    return try CSVTable(
      path: path, bytes: bytes, delimiter: delimiter, layout: self,
      knownClasses: task == .classification ? knownClasses : nil, offsets: offsets)
  }

  /// "input" [features]; "target" a label, or [columns] of values.
  static func samples(_ table: CSVTable, name: String, offsets: [Double] = []) -> MemorySamples {
    var input = SampleField.input(of: TensorShape([table.featureNames.count]))
    input.offsets = offsets
    let target: MemorySamples.Column =
      switch table.targets {
      case .classes(let labels, let names):
        .init(.label(of: names.count, names: names), .integers(labels))
      case .values(let values, let width):
        .init(SampleField(name: SampleField.target, shape: TensorShape([width]), type: .float32), .floats(values))
      }
    return MemorySamples(name: name, count: table.rowCount, columns: [.init(input, .floats(table.features)), target])
  }
}
