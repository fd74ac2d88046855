import Glibc
import SystemPackage

// Calls on files.
extension FileSystemCalls {
  /// The largest transfer of one call: bounded so that a signal is not kept waiting.
  private static let largestTransfer = 8 << 20
  private static let permissions: mode_t = 0o644

  /// Opens a regular file, or a symbolic link to one, for reading.
  ///
  /// Folders, pipes and devices are refused: reading them could wait, or never end.
  /// - Parameter followsLinks: false refuses symbolic links too.
  package func open(_ path: String, followsLinks: Bool = true) throws(FileError) -> OpenFile {
    try openRegular(.open, path, O_RDONLY | (followsLinks ? 0 : O_NOFOLLOW))
  }

  /// Creates a file for writing, which must not exist yet.
  package func create(_ path: String) throws(FileError) -> OpenFile {
    try openRegular(.create, path, O_WRONLY | O_CREAT | O_EXCL)
  }

  /// Opens a file for reading, and for appending by one process or, with a lock, several.
  /// - Parameter creates: whether the file may be new.
  package func openToAppend(_ path: String, creates: Bool = true) throws(FileError) -> OpenFile {
    try openRegular(.open, path, O_RDWR | O_APPEND | (creates ? O_CREAT : 0))
  }

  /// `O_NONBLOCK` keeps opening a named pipe from waiting for its other end; regular files ignore it.
  private func openRegular(_ operation: Operation, _ path: String, _ flags: Int32) throws(FileError) -> OpenFile {
    let file = try openAny(operation, path, flags | O_NONBLOCK)
    // A new file is a regular one.
    if operation == .create { return file }
    let type = try status(of: file).type
    guard type == .regular else {
      throw FileError(path, operation.verb, irregularType: Self.name(of: type))
    }
    return file
  }

  func openAny(_ operation: Operation, _ path: String, _ flags: Int32) throws(FileError) -> OpenFile {
    let descriptor = try perform(operation, path) { (_) throws(Errno) in
      try Self.check(Glibc.open(path, flags | O_CLOEXEC, Self.permissions))
    }
    return OpenFile(FileDescriptor(rawValue: descriptor), path: path)
  }

  private static func name(of type: FileType) -> String {
    switch type {
    case .directory: "a folder"
    case .fifo: "a pipe"
    case .socket: "a socket"
    default: "a device"
    }
  }

  func status(of file: borrowing OpenFile) throws(FileError) -> Stat {
    let descriptor = file.descriptor
    return try perform(.status, file.path) { (_) throws(Errno) in try descriptor.stat(retryOnInterrupt: false) }
  }

  /// Bytes in the file.
  package func size(of file: borrowing OpenFile) throws(FileError) -> Int { Int(try status(of: file).size) }

  /// Writes all of `bytes` where the last write ended.
  package func write(_ bytes: RawSpan, to file: borrowing OpenFile) throws(FileError) {
    var done = 0
    let descriptor = file.descriptor.rawValue
    while done < bytes.byteCount {
      let piece = bytes.extracting(done..<min(done + Self.largestTransfer, bytes.byteCount))
      let count = try perform(.write, file.path) { (limit) throws(Errno) in
        try Self.check(piece.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, min($0.count, limit)) })
      }
      guard count > 0 else { throw FileError(file.path, "write", .ioError) }
      done += count
    }
  }

  /// Appends all of `bytes` to a file with `length` bytes; on failure the file is cut back to them.
  /// - Parameter isSynchronized: whether the bytes must be on the disk.
  package func append(
    _ bytes: RawSpan, to file: borrowing OpenFile, after length: Int, isSynchronized: Bool = false
  ) throws(FileError) {
    do throws(FileError) {
      try write(bytes, to: file)
      if isSynchronized { try sync(file) }
    } catch {
      try? truncate(file, to: length)
      throw error
    }
  }

  /// Fills the bytes `range` of `memory` with those of the file from `offset` on.
  /// - Returns: the number of bytes, which is smaller than that of `range` only where the file ends.
  package func readPrefix(
    _ memory: inout MutableRawSpan, _ range: Range<Int>, from file: borrowing OpenFile, at offset: Int
  ) throws(FileError) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= memory.byteCount)
    var done = 0
    let descriptor = file.descriptor.rawValue
    while done < range.count {
      let piece = range.dropFirst(done).prefix(Self.largestTransfer)
      let count = try perform(.read, file.path) { (limit) throws(Errno) in
        try Self.check(
          memory.withUnsafeMutableBytes { bytes in
            let target = UnsafeMutableRawBufferPointer(rebasing: bytes[piece])
            return pread(descriptor, target.baseAddress, min(target.count, limit), offset + done)
          })
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// The same; a file that ends earlier is an error.
  package func read(
    _ memory: inout MutableRawSpan, _ range: Range<Int>, from file: borrowing OpenFile, at offset: Int
  ) throws(FileError) {
    let count = try readPrefix(&memory, range, from: file, at: offset)
    guard count == range.count else {
      throw FileError(
        file.path, "read",
        reason: "it ends at byte \(offset + count), where \(range.count - count) more were expected")
    }
  }

  package func readPrefix(
    _ bytes: inout [UInt8], _ range: Range<Int>, from file: borrowing OpenFile, at offset: Int
  ) throws(FileError) -> Int {
    var span = bytes.mutableSpan
    var memory = span.mutableBytes
    return try readPrefix(&memory, range, from: file, at: offset)
  }

  package func read(
    _ bytes: inout [UInt8], _ range: Range<Int>, from file: borrowing OpenFile, at offset: Int
  ) throws(FileError) {
    var span = bytes.mutableSpan
    var memory = span.mutableBytes
    try read(&memory, range, from: file, at: offset)
  }

  /// The bytes `range` of a file, whose size the caller has checked.
  package func bytes(of file: borrowing OpenFile, in range: Range<Int>) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    try read(&bytes, 0..<range.count, from: file, at: range.lowerBound)
    return bytes
  }

  /// All bytes of a regular file, or of standard input by its name.
  /// - Parameter largest: a larger file is refused before anything is allocated.
  package func contents(of path: String, largest: Int, followsLinks: Bool = true) throws(FileError) -> [UInt8] {
    if path == Self.standardInput { return try standardInput(largest: largest) }
    let file = try open(path, followsLinks: followsLinks)
    let count = try size(of: file)
    guard count <= largest else { throw Self.tooLarge(path, count, largest) }
    return try bytes(of: file, in: 0..<count)
  }

  private static let standardInput = "/dev/stdin"

  /// Standard input, which may be a pipe.
  private func standardInput(largest: Int) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let piece = try receive(from: STDIN_FILENO, Self.standardInput, atMost: 1 << 16)
      if piece.isEmpty { return bytes }
      bytes += piece
      guard bytes.count <= largest else { throw Self.tooLarge(Self.standardInput, bytes.count, largest) }
    }
  }

  /// Waits for bytes of a pipe.
  /// - Parameter name: for errors.
  /// - Returns: at least one byte, or none at the pipe's end.
  package func receive(from pipe: Int32, _ name: String, atMost count: Int) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let received = try perform(.read, name) { (limit) throws(Errno) in
      try Self.check(bytes.withUnsafeMutableBytes { Glibc.read(pipe, $0.baseAddress, min(count, limit)) })
    }
    return Array(bytes[..<received])
  }

  private static func tooLarge(_ path: String, _ count: Int, _ largest: Int) -> FileError {
    FileError(path, "read", reason: "larger than \(largest >> 20) MiB, with \(count) bytes")
  }

  /// Another descriptor of the file, for a library that closes it.
  package func duplicate(_ file: borrowing OpenFile) throws(FileError) -> Int32 {
    let descriptor = file.descriptor.rawValue
    return try perform(.open, file.path) { (_) throws(Errno) in
      try Self.check(fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
    }
  }

  /// Drops the kernel's copy of a file that is on the disk, so that the next read comes from there. Only a hint.
  package func forgetCached(_ file: borrowing OpenFile) {
    _ = posix_fadvise(file.descriptor.rawValue, 0, 0, POSIX_FADV_DONTNEED)
  }

  /// Puts what was written on the disk. After a failure the file's state is unknown: it must be given up.
  package func sync(_ file: borrowing OpenFile) throws(FileError) {
    let descriptor = file.descriptor.rawValue
    _ = try perform(.sync, file.path) { (_) throws(Errno) in try Self.check(fsync(descriptor)) }
  }

  /// Cuts a file off behind its first `count` bytes.
  package func truncate(_ file: borrowing OpenFile, to count: Int) throws(FileError) {
    let descriptor = file.descriptor.rawValue
    _ = try perform(.truncate, file.path) { (_) throws(Errno) in try Self.check(ftruncate(descriptor, count)) }
  }

  /// Closes a file that was written; late errors (quotas, network disks) show here.
  package func close(_ file: inout OpenFile) throws(FileError) {
    let path = file.path
    let descriptor = file.release()
    do throws(FileError) {
      _ = try perform(.close, path) { (_) throws(Errno) in try Self.check(Glibc.close(descriptor)) }
    } catch {
      // Not tried again: Linux has closed the descriptor by then.
      if error.code != .interrupted { throw error }
    }
  }

  /// Waits for a lock of a file, which its other users take too.
  /// - Parameter operation: as for `flock(2)`.
  func lock(_ file: borrowing OpenFile, _ operation: Int32) throws(FileError) {
    let descriptor = file.descriptor.rawValue
    _ = try perform(.lock, file.path) { (_) throws(Errno) in try Self.check(flock(descriptor, operation)) }
  }

  /// Waits until no other process has locked the file, and locks it.
  package func lock(_ file: borrowing OpenFile) throws(FileError) { try lock(file, LOCK_EX) }

  package func unlock(_ file: borrowing OpenFile) { try? lock(file, LOCK_UN) }
}
