import Configuration
import Foundation
import JSONValues
import Pipeline

/// A sweep's journal: an append-only file of JSON lines, from which everything else follows.
///
/// Several processes may write to it, on several machines over a shared folder: each reads what is new, decides and appends
/// while it holds the file's lock, and has the lines on the disk before it lets go. A line that a dying process has left
/// torn is cut off by the next writer.
package final class Journal {
  package static let name = "journal.jsonl"
  /// Times are kept in milliseconds.
  private static let ticks = 1000.0

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
  package convenience init(reading folder: URL) throws(RunError) { try self.init(folder, O_RDONLY) }

  private init(_ folder: URL, _ flags: Int32) throws(RunError) {
    path = folder.appending(path: Self.name).relativePath
    descriptor = open(folder.appending(path: Self.name).path, flags | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path, "open") }
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
    guard size > length else { return [] }
    let bytes = try read(length..<size)
    guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    var entries: [(entry: JournalEntry, time: Double)] = []
    var number = lineCount
    for line in bytes[...end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
      number += 1
      let text = Array(line)
      guard let json = try? JSONParser.parse(text.span), let entry = JournalEntry(json) else {
        throw RunError(
          "\(path):\(number): is no line of a sweep's journal; restore the file, or begin anew with another --sweep-dir"
        )
      }
      entries.append((entry, json["time"]?.double ?? 0))
    }
    length += end + 1
    lineCount = number
    return entries
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

  private static func failure(_ path: String, _ operation: String) -> RunError {
    RunError("\(path): cannot \(operation): \(String(cString: strerror(errno)))")
  }
}
