import CPlatform
import Foundation

/// The system calls a checkpoint is made of, so that tests can make each of them fail, fall short or be the last one.
package struct FileSystemCalls: Sendable {
  package enum Operation: String, Sendable, CaseIterable {
    case open, create, write, read, sync, close, rename, remove, list, freeSpace, status
  }

  /// What becomes of a call.
  package enum Verdict: Sendable {
    case proceed
    /// A write or read moves no more than this many bytes.
    case atMost(Int)
    /// The call is not made and fails with this errno.
    case fail(Int32)
  }

  /// Asked before every call.
  package typealias Rule = @Sendable (Operation, _ path: String) -> Verdict
  private let rule: Rule?

  /// - Parameter rule: nil makes every call.
  package init(rule: Rule? = nil) { self.rule = rule }

  package static let real = FileSystemCalls()

  /// The largest transfer of one call: bounded so that a signal is not kept waiting.
  private static let largestTransfer = 8 << 20

  /// Opens a regular file for reading. `O_NONBLOCK` keeps a named pipe from blocking; nothing else heeds it.
  func open(_ path: String) throws(CheckpointError) -> OpenFile {
    let descriptor = try result(.open, path) { _ in Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    let file = OpenFile(descriptor: Int32(descriptor), path: path)
    var status = stat()
    _ = try result(.status, path) { _ in fstat(file.descriptor, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw CheckpointError("\(path) is not a regular file") }
    return file
  }

  /// Creates a file that must not exist yet, for writing.
  func create(_ path: String) throws(CheckpointError) -> OpenFile {
    let descriptor = try result(.create, path) { _ in
      Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    }
    return OpenFile(descriptor: Int32(descriptor), path: path)
  }

  /// Bytes in the file.
  func size(of file: borrowing OpenFile) throws(CheckpointError) -> Int {
    var status = stat()
    let descriptor = file.descriptor
    _ = try result(.status, file.path) { _ in fstat(descriptor, &status) }
    return Int(status.st_size)
  }

  /// Appends all of `bytes`.
  func write(_ bytes: RawSpan, to file: borrowing OpenFile) throws(CheckpointError) {
    var done = 0
    let descriptor = file.descriptor
    while done < bytes.byteCount {
      let piece = bytes.extracting(done..<min(done + Self.largestTransfer, bytes.byteCount))
      let count = try result(.write, file.path) { limit in
        piece.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, min($0.count, limit)) }
      }
      guard count > 0 else { throw CheckpointError("could not write \(file.path): no byte was taken", code: EIO) }
      done += count
    }
  }

  /// Fills the bytes `range` of `memory` with those of the file from `offset` on; a file that ends earlier is an error.
  func read(
    _ memory: inout MutableRawSpan, _ range: Range<Int>, from file: borrowing OpenFile, at offset: Int
  ) throws(CheckpointError) {
    precondition(range.lowerBound >= 0 && range.upperBound <= memory.byteCount)
    var done = 0
    let descriptor = file.descriptor
    while done < range.count {
      let position = offset + done
      let piece = range.dropFirst(done).prefix(Self.largestTransfer)
      let count = try result(.read, file.path) { limit in
        memory.withUnsafeMutableBytes { bytes in
          let target = UnsafeMutableRawBufferPointer(rebasing: bytes[piece])
          return pread(descriptor, target.baseAddress, min(target.count, limit), position)
        }
      }
      guard count > 0 else {
        throw CheckpointError(
          "\(file.path) ends at byte \(position), where \(range.count - done) more were expected")
      }
      done += count
    }
  }

  /// All bytes of a small file.
  /// - Parameter largest: a larger file is refused before anything is allocated.
  func contents(of path: String, largest: Int) throws(CheckpointError) -> [UInt8] {
    let file = try open(path)
    let count = try size(of: file)
    guard count <= largest else {
      throw CheckpointError("\(path) has \(count) bytes, \(largest) at most were expected")
    }
    return try bytes(of: file, in: 0..<count)
  }

  /// The bytes `range` of a file, whose size the caller has checked.
  func bytes(of file: borrowing OpenFile, in range: Range<Int>) throws(CheckpointError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    var span = bytes.mutableSpan
    var memory = span.mutableBytes
    try read(&memory, 0..<range.count, from: file, at: range.lowerBound)
    return bytes
  }

  /// Drops the kernel's copy of a file that is on the disk, so that the next read comes from there. Only a hint.
  func forgetCached(_ file: borrowing OpenFile) {
    _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
  }

  /// Puts what was written on the disk. After a failure the file's state is unknown: it must be given up.
  func sync(_ file: borrowing OpenFile) throws(CheckpointError) {
    let descriptor = file.descriptor
    _ = try result(.sync, file.path) { _ in fsync(descriptor) }
  }

  /// Closes a file that was written; late errors (quotas, network disks) show here.
  func close(_ file: consuming OpenFile) throws(CheckpointError) {
    let path = file.path
    if case .fail(let code)? = rule?(.close, path) { throw Self.error(.close, path, code) }
    // Not tried again after EINTR: Linux has closed the descriptor by then.
    if Glibc.close(file.release()) != 0, errno != EINTR { throw Self.error(.close, path, errno) }
  }

  /// Makes what was renamed or removed in `folder` permanent.
  func syncFolder(_ folder: String) throws(CheckpointError) {
    let descriptor = try result(.open, folder) { _ in Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    let file = OpenFile(descriptor: Int32(descriptor), path: folder)
    try sync(file)
  }

  func rename(_ path: String, to target: String) throws(CheckpointError) {
    _ = try result(.rename, path) { _ in Glibc.rename(path, target) }
  }

  /// Removes a file; one that is not there is fine.
  /// - Returns: whether there was one.
  @discardableResult func remove(_ path: String) throws(CheckpointError) -> Bool {
    do {
      _ = try result(.remove, path) { _ in unlink(path) }
      return true
    } catch {
      guard error.code == ENOENT else { throw error }
      return false
    }
  }

  /// Whether anything has this name.
  func exists(_ path: String) throws(CheckpointError) -> Bool {
    var status = stat()
    do {
      _ = try result(.status, path) { _ in lstat(path, &status) }
      return true
    } catch {
      guard error.code == ENOENT else { throw error }
      return false
    }
  }

  /// The names in a folder, sorted.
  func list(_ folder: String) throws(CheckpointError) -> [String] {
    if case .fail(let code)? = rule?(.list, folder) { throw Self.error(.list, folder, code) }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
      throw CheckpointError("could not list \(folder): \(error.localizedDescription)")
    }
  }

  /// Bytes that may still be written to the file system of `folder`.
  func freeSpace(in folder: String) throws(CheckpointError) -> Int {
    var status = statvfs()
    _ = try result(.freeSpace, folder) { _ in statvfs(folder, &status) }
    let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
      by: Int(clamping: status.f_frsize))
    return overflow ? Int.max : bytes
  }

  /// Makes one call, again as long as a signal interrupts it.
  private func result<Count: BinaryInteger>(
    _ operation: Operation, _ path: String, _ call: (_ limit: Int) -> Count
  ) throws(CheckpointError) -> Int {
    while true {
      var limit = Int.max
      var code: Int32 = 0
      switch rule?(operation, path) ?? .proceed {
      case .proceed: break
      case .atMost(let count): limit = count
      case .fail(let given): code = given
      }
      if code == 0 {
        let value = call(limit)
        if value >= 0 { return Int(value) }
        code = errno
      }
      if code != EINTR { throw Self.error(operation, path, code) }
    }
  }

  private static func error(_ operation: Operation, _ path: String, _ code: Int32) -> CheckpointError {
    let verb =
      switch operation {
      case .sync: "bring to disk"
      case .freeSpace: "ask for the free space of"
      case .status: "examine"
      default: operation.rawValue
      }
    return CheckpointError("could not \(verb) \(path): \(String(cString: strerror(code)))", code: code)
  }
}

/// An open file descriptor, closed when its owner is done.
struct OpenFile: ~Copyable {
  let descriptor: Int32
  let path: String
  private var open = true

  init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { if open { _ = Glibc.close(descriptor) } }

  /// Hands the descriptor over, to be closed by the caller.
  fileprivate consuming func release() -> Int32 {
    open = false
    return descriptor
  }
}
