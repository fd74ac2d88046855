import Foundation
import JSON

/// The documents of a corpus, read one after another: files, or the lines of JSON lines.
struct TextCorpus: Sendable {
  /// One document, and where it came from.
  struct Document {
    let text: [UInt8]
    let file: String
    /// "line 7" of a file of JSON lines; empty where the file is the document.
    let place: String
  }

  /// For messages.
  let name: String
  let files: [String]
  /// The key of the text, where the files are JSON lines.
  private let textKey: String?
  private let maxBytes: Int

  /// - Parameters:
  ///   - paths: files, folders and patterns.
  ///   - pattern: of the files in folders.
  init(_ paths: [String], pattern: String, textKey: String?, maxBytes: Int) throws(DataError) {
    self.textKey = textKey
    self.maxBytes = maxBytes
    name = paths.count == 1 ? paths[0] : "\(paths[0]) and \(paths.count - 1) more"
    var files: [String] = []
    var known: Set<String> = []
    for path in paths {
      for file in try Self.files(path, pattern) where known.insert(file).inserted { files.append(file) }
    }
    self.files = files
  }

  /// The refusal of a corpus without a single byte of text.
  var emptyError: DataError {
    DataError(name, expected: "a text", found: "none in \(files.count) file\(files.count == 1 ? "" : "s")")
  }

  private static func files(_ path: String, _ pattern: String) throws(DataError) -> [String] {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      if !isFolder.boolValue { return [path] }
      let files = try PathPattern.files(pattern, in: path)
      if files.isEmpty {
        throw DataError(
          path, expected: "files that match \"\(pattern)\"", found: "none", advice: "set data.pattern")
      }
      return files
    }
    let files = PathPattern.isPattern(path) ? try PathPattern.files(path) : []
    if files.isEmpty {
      throw DataError(
        path, expected: PathPattern.isPattern(path) ? "files that match" : "a text file or folder",
        found: "nothing of that name", advice: "paths start at the current folder")
    }
    return files
  }

  /// Calls `body` with each document in order.
  func forEachDocument(_ body: (Document) throws(DataError) -> Void) throws(DataError) {
    var left = maxBytes
    for file in files {
      var input = try InputFile(path: file)
      let text = try input.rest(limit: left)
      left -= text.count
      if let textKey {
        try forEachLine(of: text, file, textKey, body)
      } else {
        try body(Document(text: text, file: file, place: ""))
      }
    }
  }

  private func forEachLine(
    of text: [UInt8], _ file: String, _ key: String, _ body: (Document) throws(DataError) -> Void
  ) throws(DataError) {
    try TextLines.forEach(text) { (line, number) throws(DataError) in
      guard let json = try TextLines.object(line, file, number, keys: [key]) else { return }
      guard let content = json[key]?.string else {
        throw DataError(
          file, at: "line \(number)", expected: "a text under \"\(key)\"", found: json[key]?.kindName ?? "none",
          advice: "set data.text_key")
      }
      try body(Document(text: Array(content.utf8), file: file, place: "line \(number)"))
    }
  }
}

/// The lines of a file, without their ends and without empty ones.
enum TextLines {
  /// - Parameter body: gets the line and its number from 1.
  static func forEach(
    _ text: [UInt8], _ body: (ArraySlice<UInt8>, Int) throws(DataError) -> Void
  ) throws(DataError) {
    var start = 0
    var number = 0
    while start < text.count {
      let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
      number += 1
      var line = text[start..<end]
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      if !line.isEmpty { try body(line, number) }
      start = end + 1
    }
  }

  /// A line of JSON lines, of which `keys` are read; nil for one of mere spaces.
  static func object(
    _ line: ArraySlice<UInt8>, _ file: String, _ number: Int, keys: Set<String>
  ) throws(DataError) -> JSON? {
    func refused(_ found: String) -> DataError {
      DataError(file, at: "line \(number)", expected: "a JSON object", found: found)
    }
    guard line.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else { return nil }
    let json: JSON
    do throws(JSONError) {
      json = try JSONParser.parseObject(Array(line).span, reading: keys)
    } catch {
      throw refused(error.message)
    }
    guard json.members != nil else { throw refused(json.kindName) }
    return json
  }
}
