import SystemPackage

/// An append-only file that never keeps half of what it was given.
package struct AppendLog: ~Copyable {
  private let calls: FileSystemCalls
  private let file: OpenFile
  /// Bytes known to be whole in the file.
  private var length: Int

  package enum Mode {
    /// The file must not exist yet.
    case create
    /// The file may exist; writing continues at its end.
    case append
  }

  package init(path: String, mode: Mode, calls: FileSystemCalls = .real) throws(FileError) {
    let file = try mode == .create ? calls.create(path) : calls.openToAppend(path)
    length = try calls.size(of: file)
    self.file = file
    self.calls = calls
  }

  /// Appends the first `count` bytes. On failure the file is cut back to what it held before, so that no line is torn.
  package mutating func append(_ bytes: [UInt8], count: Int) throws(FileError) {
    try requireName()
    try calls.append(bytes.span.extracting(first: count).bytes, to: file, after: length)
    length += count
  }

  /// Returns once the file's contents are on the disk.
  package func synchronize() throws(FileError) {
    try requireName()
    try calls.sync(file)
  }

  /// Refuses to write to a file that was removed, moved or replaced since it was opened.
  private func requireName() throws(FileError) {
    guard calls.isReplaced(file) else { return }
    throw FileError(
      file.path, "write", reason: "it has been removed or replaced meanwhile; what follows is not saved")
  }
}
