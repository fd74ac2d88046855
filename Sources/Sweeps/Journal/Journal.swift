import Configuration
import Files
import Foundation
import JSON
import Runs

/// A sweep's journal: an append-only file of JSON lines, from which everything else follows.
///
/// Several processes may write to it, on several machines over a shared folder: each reads what is new, decides and appends
/// while it holds the file's lock, and has the lines on the disk before it lets go. A line that a dying process has left
/// torn is cut off by the next writer.
package final class Journal {
  package static let name = "journal.jsonl"
  /// Times are kept in milliseconds.
  private static let ticks = 1000.0
  /// Bytes that are read at a time.
  private static let piece = 1 << 20
  /// No honest line is longer: a file that somebody else has put there could be of any size.
  private static let longestLine = 16 << 20

  package let path: String
  private let file: OpenFile
  /// Bytes that have been read, up to the end of a whole line.
  private var length = 0
  private var lineCount = 0

  private static var calls: FileSystemCalls { .real }

  /// Opens the journal to append to it.
  ///
  /// - Parameter creates: whether the file may be new.
  package convenience init(folder: URL, creates: Bool) throws(RunError) {
    try self.init(folder) { (path) throws(FileError) in try Self.calls.openToAppend(path, creates: creates) }
  }

  /// Opens the journal of a folder that may belong to somebody else, to read what others write.
  package convenience init(reading folder: URL) throws(RunError) {
    try self.init(folder) { (path) throws(FileError) in try Self.calls.open(path) }
  }

  private init(_ folder: URL, _ open: (String) throws(FileError) -> OpenFile) throws(RunError) {
    path = folder.appending(path: Self.name).relativePath
    file = try RunError.files { () throws(FileError) in try open(folder.appending(path: Self.name).path) }
  }

  /// The entries that others, or this process, have written since the last look. A torn last line is left for later.
  package func news() throws(RunError) -> [(entry: JournalEntry, time: Double)] {
    let size = try size()
    guard size >= length else {
      throw RunError("\(path): has become shorter; it is only ever appended to: restore it")
    }
    var entries: [(entry: JournalEntry, time: Double)] = []
    var (number, end) = (lineCount, length)
    // The beginning of a line whose end lies in a later piece.
    var torn: [UInt8] = []
    for start in stride(from: length, to: size, by: Self.piece) {
      let range = start..<min(size, start + Self.piece)
      let bytes = try read(range)
      var rest = bytes[...]
      while let feed = rest.firstIndex(of: UInt8(ascii: "\n")) {
        number += 1
        let line = torn + rest[..<feed]
        entries.append(try Self.entry(line, number, path))
        end += line.count + 1
        torn = []
        rest = rest[(feed + 1)...]
      }
      torn += rest
      guard torn.count <= Self.longestLine else { throw Self.damage(path, number + 1) }
      // Cut meanwhile.
      if bytes.count < range.count { break }
    }
    (lineCount, length) = (number, end)
    return entries
  }

  private static func entry(
    _ line: [UInt8], _ number: Int, _ path: String
  ) throws(RunError) -> (entry: JournalEntry, time: Double) {
    guard let json = try? JSONParser.parse(line.span), let entry = try? JournalEntry(json: json) else {
      throw damage(path, number)
    }
    return (entry, json["time"]?.double ?? 0)
  }

  /// Whether the file has grown since the last look.
  package func hasNews() throws(RunError) -> Bool {
    try size() != length
  }

  /// Whether the name belongs to another file now, or to none.
  package var isReplaced: Bool { Self.calls.isReplaced(file) }

  private func size() throws(RunError) -> Int {
    try RunError.files { () throws(FileError) in try Self.calls.size(of: file) }
  }

  /// Decides what to write, while nobody else can. Where it throws, nothing has been written; the news has been told.
  ///
  /// - Parameter decide: told of what is new, and the time that the lines will carry; returns the lines to append.
  package func transaction(
    _ decide: (_ news: [(entry: JournalEntry, time: Double)], _ time: Double) throws -> [JournalEntry]
  ) throws {
    try RunError.files { () throws(FileError) in try Self.calls.lock(file) }
    defer { Self.calls.unlock(file) }
    guard !isReplaced else {
      throw RunError("\(path): has been removed or replaced during the sweep; restore it and continue with --resume")
    }
    let news = try news()
    try cutTornLine()
    let time = (Date.now.timeIntervalSince1970 * Self.ticks).rounded() / Self.ticks
    let entries = try decide(news, time)
    guard !entries.isEmpty else { return }
    let text = entries.map { $0.json(time: time).compactText + "\n" }.joined()
    try append(Array(text.utf8))
    lineCount += entries.count
  }

  /// Whoever holds the lock is the only writer: what follows the last whole line was never finished.
  private func cutTornLine() throws(RunError) {
    guard try size() > length else { return }
    try RunError.files { () throws(FileError) in try Self.calls.truncate(file, to: length) }
  }

  private func read(_ range: Range<Int>) throws(RunError) -> [UInt8] {
    try RunError.files { () throws(FileError) in
      var bytes = [UInt8](repeating: 0, count: range.count)
      let count = try Self.calls.readPrefix(&bytes, 0..<range.count, from: file, at: range.lowerBound)
      return Array(bytes[..<count])
    }
  }

  /// On failure the file is cut back to what it held before; where not even that succeeds, the rest is read as news.
  private func append(_ bytes: [UInt8]) throws(RunError) {
    try RunError.files { () throws(FileError) in
      try Self.calls.append(bytes.span.bytes, to: file, after: length, isSynchronized: true)
    }
    length += bytes.count
  }

  private static func damage(_ path: String, _ line: Int) -> RunError {
    RunError(
      "\(path):\(line): is no line of a sweep's journal; restore the file, or begin anew with another --sweep-dir")
  }
}
