import Configuration
import Foundation
import Tensors

/// CIFAR-10 and CIFAR-100 in their binary form: a folder of records, each of labels and a 32×32 color image.
///
/// An image is stored as three planes [3, 32, 32] and kept as [32, 32, 3].
/// Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009).
package struct CIFARData: DataKind {
  package static let kind = "cifar"
  package static let places = ["path"]
  package static let documentation = "CIFAR-10 or CIFAR-100, a folder with the files of their binary versions"

  /// CIFAR-100's two labels.
  package enum Labels: String, CaseIterable, Sendable { case fine, coarse }

  package var path: String
  /// Nil: fine, which is all that CIFAR-10 has.
  package var labels: Labels?
  package var maxBytes = IDXFile.defaultLimit

  static let side = 32
  static let pixelCount = side * side
  static let channels = 3

  package init(path: String) { self.path = path }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    path = try reader.string(
      "path", "the folder of data_batch_1.bin … and test_batch.bin, or of train.bin and test.bin")
    labels = try reader.optionalChoice("labels", "of CIFAR-100: 100 fine classes, the default, or 20 coarse ones")
    maxBytes = try reader.maxBytes()
  }

  /// Recognizes a folder by the names of CIFAR's files.
  package static func inspect(_ place: InspectedPath) throws(DataError) -> DatasetSummary? {
    guard !place.isFile, CIFARVersion.isIn(place.path) else { return nil }
    var data = CIFARData(path: place.path)
    data.maxBytes = place.limit
    let opened = try data.open(seed: 0)
    guard let samples = opened.samples as? MemorySamples else { preconditionFailure("CIFAR lies in memory") }
    return DatasetSummary(
      path: place.path, kind: kind, of: samples, typeNames: ["uint8", "uint8 labels"],
      notes: opened.test.map { ["also: \($0.count) samples for the test"] } ?? [])
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    let version = try CIFARVersion(of: path)
    guard labels == nil || version.labelBytes == 2 else {
      throw DataError(
        path, at: "data.labels", expected: "the files of CIFAR-100, which alone has coarse labels", found: "CIFAR-10",
        advice: "remove labels")
    }
    let label = version.label(labels ?? .fine)
    let names = try classNames(label)
    let training = try read(version.training, version, label, names)
    guard FileManager.default.fileExists(atPath: path + "/" + version.test) else {
      return OpenedSamples(samples: training)
    }
    return OpenedSamples(samples: training, test: try read([version.test], version, label, names))
  }

  /// Empty without the file of names.
  private func classNames(_ label: CIFARVersion.Label) throws(DataError) -> [String] {
    let path = path + "/" + label.namesFile
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    var file = try InputFile(path: path)
    var names: [String] = []
    try TextLines.forEach(try file.rest(limit: 1 << 16)) { (line, number) throws(DataError) in
      let name = try DataError.text(line, of: path, at: "line \(number)").trimmingCharacters(in: .whitespaces)
      if !name.isEmpty { names.append(name) }
    }
    guard names.count == label.classCount else {
      throw DataError(
        path, expected: "\(label.classCount) names, one per line", found: "\(names.count)",
        advice: "remove the file to have the classes numbered")
    }
    return names
  }

  private func read(
    _ files: [String], _ version: CIFARVersion, _ label: CIFARVersion.Label, _ names: [String]
  ) throws(DataError) -> MemorySamples {
    var pixels: [UInt8] = []
    var labels: [Int32] = []
    for name in files {
      let path = path + "/" + name
      let records = try records(path, version.recordBytes)
      for start in stride(from: 0, to: records.count, by: version.recordBytes) {
        let found = records[start + label.offset]
        guard found < label.classCount else {
          throw DataError(
            path, at: "byte \(start + label.offset) (record \(start / version.recordBytes))",
            expected: "a label below \(label.classCount)", found: "\(found)", advice: "the file is damaged")
        }
        labels.append(Int32(found))
        let planes = records.span.extracting(start + version.labelBytes..<start + version.recordBytes)
        for pixel in 0..<Self.pixelCount {
          for channel in 0..<Self.channels { pixels.append(planes[channel * Self.pixelCount + pixel]) }
        }
      }
      guard pixels.count <= maxBytes else {
        throw DataError(
          path, expected: "at most \(DataError.bytes(maxBytes)) of pixels", found: "more", advice: "raise max_bytes")
      }
    }
    return MemorySamples(
      name: path, count: labels.count,
      columns: [
        .init(.input(of: TensorShape([Self.side, Self.side, Self.channels])), .bytes(pixels)),
        .init(.label(of: label.classCount, names: names), .integers(labels)),
      ])
  }

  /// All bytes of a file, which are whole records.
  private func records(_ path: String, _ recordBytes: Int) throws(DataError) -> [UInt8] {
    let file = try RandomAccessFile(path: path)
    guard file.size > 0, file.size % recordBytes == 0 else {
      throw DataError(
        path, expected: "whole records of \(recordBytes) bytes", found: "\(file.size) bytes",
        advice: "the file is truncated, damaged or of the other CIFAR")
    }
    guard file.size <= maxBytes else {
      throw DataError(
        path, expected: "at most \(DataError.bytes(maxBytes))", found: DataError.bytes(file.size),
        advice: "raise max_bytes if the file is meant to be that large")
    }
    return try file.bytes(at: 0, count: UInt64(file.size))
  }
}

/// The files and records of CIFAR-10 or CIFAR-100.
struct CIFARVersion {
  struct Label {
    /// In the record.
    var offset: Int
    var classCount: Int
    var namesFile: String
  }

  let training: [String]
  let test: String
  /// Bytes before the pixels of each record.
  let labelBytes: Int

  var recordBytes: Int { labelBytes + CIFARData.pixelCount * CIFARData.channels }

  static let ten = CIFARVersion(
    training: (1...5).map { "data_batch_\($0).bin" }, test: "test_batch.bin", labelBytes: 1)
  static let hundred = CIFARVersion(training: ["train.bin"], test: "test.bin", labelBytes: 2)

  private init(training: [String], test: String, labelBytes: Int) {
    self.training = training
    self.test = test
    self.labelBytes = labelBytes
  }

  /// Whether a folder has any of CIFAR's files.
  static func isIn(_ folder: String) -> Bool { (ten.training + hundred.training).contains { has($0, folder) } }

  init(of folder: String) throws(DataError) {
    let isTen = Self.ten.training.contains { Self.has($0, folder) }
    self = isTen ? .ten : .hundred
    guard isTen != Self.has(Self.hundred.training[0], folder) else {
      throw DataError(
        folder, expected: "data_batch_1.bin to data_batch_5.bin (CIFAR-10) or train.bin (CIFAR-100)",
        found: isTen ? "both" : "neither", advice: "name the folder that the binary version unpacks into")
    }
    if let missing = training.first(where: { !Self.has($0, folder) }) {
      throw DataError(
        folder, expected: "all of data_batch_1.bin to data_batch_5.bin", found: "no \(missing)",
        advice: "unpack the archive again")
    }
  }

  func label(_ labels: CIFARData.Labels) -> Label {
    if labelBytes == 1 { return Label(offset: 0, classCount: 10, namesFile: "batches.meta.txt") }
    return labels == .coarse
      ? Label(offset: 0, classCount: 20, namesFile: "coarse_label_names.txt")
      : Label(offset: 1, classCount: 100, namesFile: "fine_label_names.txt")
  }

  private static func has(_ name: String, _ folder: String) -> Bool {
    FileManager.default.fileExists(atPath: folder + "/" + name)
  }
}
