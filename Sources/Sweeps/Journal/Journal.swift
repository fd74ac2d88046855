import Configuration
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
  private let descriptor: Int32
  /// Bytes that have been read, up to the end of a whole line.
  private var length = 0
  private var lineCount = 0

  /// Opens the journal to append to it.
  ///
  /// - Parameter creates: whether the file may be new.
  package convenience init(folder: URL, creates: Bool) throws(RunError) {
    try self.init(folder, O_RDWR | O_APPEND | (creates ? O_CREAT : 0))
  }

  /// Opens the journal of a folder that may belong to somebody else, to read what others write.
  package convenience init(reading folder: URL) throws(RunError) {
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    try self.init(folder, O_RDONLY | O_NONBLOCK)
  }

  private init(_ folder: URL, _ flags: Int32) throws(RunError) {
    path = folder.appending(path: Self.name).relativePath
    descriptor = open(folder.appending(path: Self.name).path, flags | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path, "open") }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "look at") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw RunError("\(path): expected a sweep's journal, found no regular file; move it away")
    }
  }

  deinit { close(descriptor) }

  /// The entries that others, or this process, have written since the last look. A torn last line is left for later.
  package func news() throws(RunError) -> [(entry: JournalEntry, time: Double)] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "look at") }
    let size = Int(status.st_size)
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
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "look at") }
    return Int(status.st_size) != length
  }

  /// Whether the name belongs to another file now, or to none.
  package var isReplaced: Bool {
    var (open, named) = (stat(), stat())
    guard fstat(descriptor, &open) == 0, stat(path, &named) == 0 else { return true }
    return open.st_ino != named.st_ino || open.st_dev != named.st_dev
  }

  /// Decides what to write, while nobody else can. Where it throws, nothing has been written; the news has been told.
  ///
  /// - Parameter decide: told of what is new, and the time that the lines will carry; returns the lines to append.
  package func transaction(
    _ decide: (_ news: [(entry: JournalEntry, time: Double)], _ time: Double) throws -> [JournalEntry]
  ) throws {
    try lock(LOCK_EX)
    defer { _ = flock(descriptor, LOCK_UN) }
    let news = try news()
    try cutTornLine()
    let time = (Date.now.timeIntervalSince1970 * Self.ticks).rounded() / Self.ticks
    let entries = try decide(news, time)
    guard !entries.isEmpty else { return }
    let text = entries.map { $0.json(time: time).compactText + "\n" }.joined()
    try append(Array(text.utf8))
    lineCount += entries.count
  }

  private func lock(_ operation: Int32) throws(RunError) {
    while flock(descriptor, operation) != 0 {
      guard errno == EINTR else { throw Self.failure(path, "lock") }
    }
  }

  /// Whoever holds the lock is the only writer: what follows the last whole line was never finished.
  private func cutTornLine() throws(RunError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "look at") }
    guard Int(status.st_size) > length else { return }
    guard ftruncate(descriptor, off_t(length)) == 0 else { throw Self.failure(path, "cut") }
  }

  private func read(_ range: Range<Int>) throws(RunError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    var done = 0
    while done < range.count {
      let offset = off_t(range.lowerBound + done)
      let count = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress.map { $0 + done }, range.count - done, offset)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure(path, "read") }
      if count == 0 { break }
      done += count
    }
    return Array(bytes[..<done])
  }

  /// On failure the file is cut back to what it held before; where not even that succeeds, the rest is read as news.
  private func append(_ bytes: [UInt8]) throws(RunError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw cutBack(Self.failure(path, "write")) }
      done += count
    }
    guard fsync(descriptor) == 0 else { throw cutBack(Self.failure(path, "fsync")) }
    length += bytes.count
  }

  private func cutBack(_ error: RunError) -> RunError {
    _ = ftruncate(descriptor, off_t(length))
    return error
  }

  private static func damage(_ path: String, _ line: Int) -> RunError {
    RunError(
      "\(path):\(line): is no line of a sweep's journal; restore the file, or begin anew with another --sweep-dir")
  }

  private static func failure(_ path: String, _ operation: String) -> RunError {
    RunError("\(path): cannot \(operation): \(String(cString: strerror(errno)))")
  }
}
