import Foundation

/// A file that takes the place of another, or a new name, only when all of it is on the disk.
///
/// It is written beside its target under a name of its own, so that two writers do not mix their bytes. In this order:
/// write, fsync, close, rename, fsync of the folder. A file that is not committed is removed with its owner.
package struct ReplacementFile: ~Copyable {
  package let target: String
  /// Where the bytes are until they are committed.
  package let path: String
  private let calls: FileSystemCalls
  package private(set) var file: OpenFile
  private var isPending = true

  /// The files of killed writers of the same target.
  package enum Leftovers: Sendable {
    /// Removed: the caller keeps others from writing this target.
    case removed
    /// Removed where they are so old that no writer can still be at work.
    case removedWhenOld
    /// Not searched for: the target is one of many in a new folder.
    case kept
  }

  package init(
    for target: String, leftovers: Leftovers = .removedWhenOld, calls: FileSystemCalls = .real
  ) throws(FileError) {
    switch leftovers {
    case .removed:
      try Self.naming(target) { () throws(FileError) in try Self.removeLeftovers(of: target, calls: calls) }
    case .removedWhenOld: try? Self.removeLeftovers(of: target, olderThan: Self.longestWrite, calls: calls)
    case .kept: break
    }
    let path = Self.path(for: target)
    file = try Self.naming(target) { () throws(FileError) in try calls.create(path) }
    self.path = path
    self.target = target
    self.calls = calls
  }

  deinit { if isPending { try? calls.remove(path) } }

  /// Puts `bytes` in the place of the file at `path`; a failure leaves the old file.
  ///
  /// - Parameter own: refuses to replace any other file; nil where the folder belongs to this program.
  package static func write(
    _ bytes: [UInt8], to path: String, replacing own: OwnFile? = nil, leftovers: Leftovers = .removedWhenOld,
    calls: FileSystemCalls = .real
  ) throws(FileError) {
    try own?.check(path, calls: calls)
    var file = try ReplacementFile(for: path, leftovers: leftovers, calls: calls)
    try file.write(bytes.span.bytes)
    try file.commit()
  }

  /// Runs calls on the temporary file; their errors name the target, which the user knows.
  private static func naming<Result: ~Copyable>(
    _ target: String, _ body: () throws(FileError) -> Result
  ) throws(FileError) -> Result {
    do throws(FileError) {
      return try body()
    } catch {
      throw error.of(target)
    }
  }

  package func write(_ bytes: RawSpan) throws(FileError) {
    try Self.naming(target) { () throws(FileError) in try calls.write(bytes, to: file) }
  }

  /// Writes the first `count` bytes.
  package func write(_ bytes: [UInt8], count: Int) throws(FileError) {
    try write(bytes.span.extracting(first: count).bytes)
  }

  /// Returns once everything is on the disk and in its place.
  package mutating func commit() throws(FileError) {
    try finish()
    try takePlace()
    try calls.syncFolder(target.folderPath)
  }

  /// Brings the bytes to the disk and closes the file.
  package mutating func finish() throws(FileError) {
    try Self.naming(target) { () throws(FileError) in
      try calls.sync(file)
      try calls.close(&file)
    }
  }

  /// Gives the finished file its name, which lasts once the folder is synchronized.
  package mutating func takePlace() throws(FileError) {
    try Self.naming(target) { () throws(FileError) in try calls.rename(path, to: target) }
    isPending = false
  }

  /// Removes the file, where that must not fail.
  package mutating func discard() throws(FileError) {
    try calls.remove(path)
    isPending = false
  }
}

// Temporary names, `<target>.<16 hexadecimal digits>.tmp`, and what killed writers leave under them.
extension ReplacementFile {
  private static let digits = 16
  private static let ending = ".tmp"
  /// Seconds, more than any writer needs for one file.
  private static let longestWrite = 3600

  private static func path(for target: String) -> String {
    let number = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    return "\(target).\(String(repeating: "0", count: digits - number.count))\(number)\(ending)"
  }

  /// The name of the file that a temporary file was to replace; nil for the name of any other file.
  package static func targetName(of name: String) -> String? {
    guard name.hasSuffix(ending) else { return nil }
    let parts = name.dropLast(ending.count).split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 1, let number = parts.last, number.count == digits, number.allSatisfy(\.isHexDigit) else {
      return nil
    }
    return parts.dropLast().joined(separator: ".")
  }

  /// Removes what killed writers of a file left.
  ///
  /// - Parameter age: seconds since the last write; nil removes all. Age decides, not whether a process lives: it may be
  ///   one of another machine.
  package static func removeLeftovers(
    of target: String, olderThan age: Int? = nil, calls: FileSystemCalls
  ) throws(FileError) {
    let folder = target.folderPath
    let name = target.split(separator: "/").last.map(String.init)
    let now = Int(Date.now.timeIntervalSince1970)
    for other in try calls.list(folder) where targetName(of: other) == name {
      let path = folder + "/" + other
      if let age {
        let status = try calls.status(of: path)
        guard status.type == .regular, now - status.st_mtim.tv_sec > age else { continue }
      }
      try calls.remove(path)
    }
  }
}

extension String {
  /// The folder of the file with this path.
  package var folderPath: String {
    guard let slash = lastIndex(of: "/") else { return "." }
    return slash == startIndex ? "/" : String(self[..<slash])
  }
}
