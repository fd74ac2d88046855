import Formats
import Foundation
import Tensors

extension DatasetSummary {
  /// Looks at a file, or at a folder with IDX files, CIFAR's files or images, and finds out what it is by its content.
  package static func inspect(_ path: String, limit: Int = IDXFile.defaultLimit) throws(DataError) -> DatasetSummary {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DataError(path, expected: "a data file or folder", found: "nothing of that name")
    }
    if isFolder.boolValue { return try inspectFolder(path, limit: limit) }
    var file = try InputFile(path: path)
    let head = try file.rest(atMost: 8)
    if HDF5File.isHDF5(head) { return try inspectHDF5(path, limit: limit) }
    if path.hasSuffix(".tar") { return try inspectImages(path, limit: limit) }
    // Text never begins with two zero bytes.
    if head.count >= 4, head[0] == 0, head[1] == 0 { return try inspectIDX(path, limit: limit) }
    return try isText(path) ? inspectText(path, limit: limit) : inspectCSV(path, limit: limit)
  }

  private static func inspectFolder(_ folder: String, limit: Int) throws(DataError) -> DatasetSummary {
    if CIFARVersion.isIn(folder) { return try inspectCIFAR(folder, limit: limit) }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    let images = names.filter { $0.contains("images") && $0.contains("idx") }
    // Training files before test files.
    guard let first = images.first(where: { $0.contains("train") }) ?? images.first else {
      if try ImageCollection(path: folder, onBadSample: .skip).names.isEmpty {
        if try holdsText(folder) { return try inspectText(folder, limit: limit) }
        throw DataError(
          folder,
          expected: "IDX files such as \(IDXFolder.images), CIFAR's files, folders of images or text", found: "none",
          advice: "name a file")
      }
      return try inspectImages(folder, limit: limit)
    }
    var summary = try inspectIDX("\(folder)/\(first)", limit: limit)
    if images.count > 1 {
      summary.notes.append("also: " + images.filter { $0 != first }.joined(separator: ", "))
    }
    return summary
  }

  private static func inspectIDX(_ path: String, limit: Int) throws(DataError) -> DatasetSummary {
    let file = try IDXFile(reading: path, ranks: 1...IDXFile.largestRank, limit: limit)
    if file.dimensions.count == 1 {
      let classCount = Int(file.bytes.max() ?? 0) + 1
      let field = SampleField(name: SampleField.target, shape: .scalar, type: .int32, classCount: classCount)
      let part = Part(name: field.name, shape: TensorShape(file.dimensions), type: "uint8 labels", moments: nil)
      return DatasetSummary(
        path: path, kind: IDXData.kind, count: file.count, parts: [part],
        classes: histogram(file.bytes.map(Int32.init), of: field), preview: [], notes: [])
    }
    if let labels = labelFile(beside: path) {
      let samples = try IDXData.read(images: path, labels: labels, classes: nil, limit: limit)
      return DatasetSummary(
        path: path, kind: IDXData.kind, of: samples, typeNames: ["uint8", "uint8 labels"], notes: ["labels: \(labels)"])
    }
    let extents = Array(file.dimensions.dropFirst()) + (file.dimensions.count == 3 ? [1] : [])
    let field = SampleField(name: SampleField.input, shape: TensorShape(extents), type: .float32)
    let samples = MemorySamples(name: path, count: file.count, columns: [.init(field, .bytes(file.bytes))])
    return DatasetSummary(path: path, kind: IDXData.kind, of: samples, typeNames: ["uint8"])
  }

  /// `…/train-labels-idx1-ubyte` for `…/train-images-idx3-ubyte`, packed or not, if it is there.
  private static func labelFile(beside path: String) -> String? {
    let url = URL(fileURLWithPath: path)
    let name = url.lastPathComponent
    guard name.contains("images") else { return nil }
    let own = name.replacingOccurrences(of: "images", with: "labels")
      .replacingOccurrences(of: "idx3", with: "idx1").replacingOccurrences(of: "idx4", with: "idx1")
    let folder = url.deletingLastPathComponent()
    return [own, own + ".gz", own.replacingOccurrences(of: ".gz", with: "")]
      .map { folder.appendingPathComponent($0).path }
      .first { FileManager.default.fileExists(atPath: $0) }
  }

  private static func inspectCSV(_ path: String, limit: Int) throws(DataError) -> DatasetSummary {
    var data = CSVData(file: path)
    data.maxBytes = limit
    var file = try InputFile(path: path)
    let guess = CSVGuess(try file.rest(atMost: 1 << 16))
    data.delimiter = guess.delimiter
    data.header = guess.hasHeader
    data.task = guess.task
    let opened = try data.open(seed: 0)
    guard let samples = opened.samples as? MemorySamples else { preconditionFailure("a table lies in memory") }
    return DatasetSummary(
      path: path, kind: CSVData.kind, of: samples,
      typeNames: ["number", data.task == .classification ? "label" : "number"], notes: guess.notes)
  }

  private static func inspectHDF5(_ path: String, limit: Int) throws(DataError) -> DatasetSummary {
    let file = try HDF5Input(path: path)
    var summary = DatasetSummary(
      path: path, kind: HDF5Data.kind, count: 0, parts: [], classes: [], preview: [], notes: [])
    for name in try file.rootNames() {
      do throws(DataError) {
        let dataset = try file.dataset(name, limit: limit)
        let moments = try file.reading { () throws(HDF5Error) in
          dataset.kind == .bytes
            ? Moments(of: try dataset.readBytes()) { Double($0) } : Moments(of: try dataset.readFloats()) { Double($0) }
        }
        summary.count = max(summary.count, dataset.shape[0])
        summary.parts.append(Part(name: name, shape: dataset.shape, type: dataset.type.name, moments: moments))
      } catch {
        summary.notes.append("\(name): \(error.found)")
      }
    }
    return summary
  }
}

/// What the first lines of a table show of its form.
struct CSVGuess {
  var delimiter = ","
  var hasHeader = false
  var task = CSVData.Task.classification
  /// Most distinct whole numbers in the last column that are still taken for classes.
  static let mostClasses = 100

  init(_ bytes: [UInt8]) {
    let text = String(
      decoding: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline).prefix(1000)
    guard let first = lines.first else { return }
    let separators: [Character] = [",", ";", "\t", "|"]
    let counts = separators.map { separator in first.count { $0 == separator } }
    if let most = counts.max(), most > 0, let best = counts.firstIndex(of: most) {
      delimiter = String(separators[best])
    }
    let separator = Character(delimiter)
    func cells(_ line: Substring) -> [Substring] { line.split(separator: separator, omittingEmptySubsequences: false) }
    func isNumber(_ cell: Substring) -> Bool {
      Double(cell.trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))) != nil
    }
    // The last line may be cut off.
    let rows = lines.dropFirst().dropLast(lines.count > 2 ? 1 : 0)
    // A header is a first row of words over a column of numbers.
    if let second = rows.first ?? lines.dropFirst().first {
      hasHeader = zip(cells(first), cells(second)).contains { !isNumber($0) && isNumber($1) }
    }
    let targets = rows.compactMap { cells($0).last }
    let areWhole = targets.allSatisfy { Int($0.trimmingCharacters(in: .whitespaces)) != nil }
    if !targets.isEmpty, targets.allSatisfy(isNumber), !areWhole || Set(targets).count > Self.mostClasses {
      task = .regression
    }
  }

  var notes: [String] {
    let cells = delimiter == "\t" ? "tabs" : DataError.quoted(delimiter)
    let header = hasHeader ? "with" : "without"
    return [
      "taken for: \(task.rawValue) of the last column, \(header) a header, cells apart by \(cells)"
    ]
  }
}
