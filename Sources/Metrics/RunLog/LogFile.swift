import FoundationEssentials
import Glibc

/// An append-only file that never keeps half of what it was given.
package struct LogFile: ~Copyable {
  let path: String
  private let descriptor: Int32
  /// Bytes known to be whole in the file.
  private(set) var length: Int

  enum Mode {
    /// The file must not exist yet.
    case create
    /// The file may exist; what it holds is thrown away.
    case replace
    /// The file may exist; writing goes on at its end.
    case append
  }

  init(path: String, mode: Mode) throws(RecordsError) {
    let flags =
      switch mode {
      case .create: O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
      case .replace: O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
      case .append: O_WRONLY | O_CREAT | O_CLOEXEC
      }
    let opened = open(path, flags, 0o644)
    if opened < 0 {
      throw errno == EEXIST ? .exists(path: path) : Self.failure(path, "open for writing")
    }
    let end = lseek(opened, 0, SEEK_END)
    if end < 0 {
      let error = Self.failure(path, "seek")
      close(opened)
      throw error
    }
    self.path = path
    descriptor = opened
    length = Int(end)
  }

  deinit { close(descriptor) }

  /// Appends the first `count` bytes. On failure the file is cut back to what it held before, so that no line is torn.
  mutating func append(_ bytes: [UInt8], count: Int) throws(RecordsError) {
    var done = 0
    while done < count {
      let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, count - done) }
      if written < 0 && errno == EINTR { continue }
      if written <= 0 {
        let error = Self.failure(path, "write")
        _ = ftruncate(descriptor, off_t(length))
        _ = lseek(descriptor, off_t(length), SEEK_SET)
        throw error
      }
      done += written
    }
    length += count
  }

  /// Returns once the file's contents are on the disk.
  func synchronize() throws(RecordsError) {
    if fsync(descriptor) != 0 { throw Self.failure(path, "fsync") }
  }

  /// Puts `contents` in the place of the file at `path` once they are whole on the disk; a failure leaves the old file.
  package static func replace(_ path: String, with contents: [UInt8]) throws(RecordsError) {
    removeLeftovers(of: path)
    // A name of its own: processes of one sweep that end together write the same report.
    let number = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    let zeros = String(repeating: "0", count: numberLength - number.count)
    let temporary = "\(path).\(zeros)\(number)\(temporaryEnding)"
    do {
      var out = try LogFile(path: temporary, mode: .replace)
      try out.append(contents, count: contents.count)
      try out.synchronize()
    } catch {
      unlink(temporary)
      throw error
    }
    if rename(temporary, path) != 0 {
      let error = failure(path, "rename")
      unlink(temporary)
      throw error
    }
  }

  /// Hexadecimal digits of the number in a temporary file's name.
  private static let numberLength = 16
  private static let temporaryEnding = ".tmp"
  /// Seconds; nobody takes so long to write one file.
  private static let longestWrite = 3600

  /// Removes what earlier processes have left of `replace` that were killed meanwhile.
  ///
  /// Age tells, not whether a process lives: it may be one of another machine.
  private static func removeLeftovers(of path: String) {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? ""
    let beginning = path[(slash.map { path.index(after: $0) } ?? path.startIndex)...] + "."
    let now = time(nil)
    for name in (try? FileManager.default.contentsOfDirectory(atPath: slash == nil ? "." : folder)) ?? [] {
      guard name.hasPrefix(beginning), name.hasSuffix(temporaryEnding) else { continue }
      let number = name.dropFirst(beginning.count).dropLast(temporaryEnding.count)
      guard number.count == numberLength, number.allSatisfy(\.isHexDigit) else { continue }
      var status = stat()
      guard lstat(folder + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
        now - status.st_mtim.tv_sec > longestWrite
      else { continue }
      unlink(folder + name)
    }
  }

  /// Makes a rename or a new name in `folder` durable.
  static func synchronizeFolder(_ folder: String) throws(RecordsError) {
    let opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if opened < 0 { throw failure(folder, "open") }
    defer { close(opened) }
    if fsync(opened) != 0 { throw failure(folder, "fsync") }
  }

  static func failure(_ path: String, _ operation: String) -> RecordsError {
    .file(path: path, operation: operation, reason: String(cString: strerror(errno)))
  }
}
