import Foundation
import Glibc
import SystemPackage

// Calls on names and folders.
extension FileSystemCalls {
  /// Makes a folder, and those above it that are missing; one that is there is fine.
  package func makeFolder(_ path: String) throws(FileError) {
    do throws(FileError) {
      try makeLastFolder(path)
    } catch {
      guard error.code == .noSuchFileOrDirectory, path.folderPath != path else { throw error }
      try makeFolder(path.folderPath)
      try makeLastFolder(path)
    }
  }

  private func makeLastFolder(_ path: String) throws(FileError) {
    do throws(FileError) {
      _ = try perform(.makeFolder, path) { (_) throws(Errno) in try Self.check(mkdir(path, 0o777)) }
    } catch {
      guard error.code == .fileExists else { throw error }
      guard (try? FilePath(path).stat().type) == .directory else {
        throw FileError(path, error.operation, reason: "a file of that name is in the way")
      }
    }
  }

  /// Makes what was renamed or removed in `folder` permanent.
  package func syncFolder(_ folder: String) throws(FileError) {
    try sync(openAny(.open, folder, O_RDONLY | O_DIRECTORY))
  }

  package func rename(_ path: String, to target: String) throws(FileError) {
    _ = try perform(.rename, path) { (_) throws(Errno) in try Self.check(Glibc.rename(path, target)) }
  }

  /// Removes a file; one that is not there is fine.
  package func remove(_ path: String) throws(FileError) {
    do throws(FileError) {
      _ = try perform(.remove, path) { (_) throws(Errno) in try Self.check(unlink(path)) }
    } catch {
      guard error.code == .noSuchFileOrDirectory else { throw error }
    }
  }

  /// Whether anything has this name.
  package func exists(_ path: String) throws(FileError) -> Bool {
    do throws(FileError) {
      _ = try status(of: path)
      return true
    } catch {
      guard error.code == .noSuchFileOrDirectory else { throw error }
      return false
    }
  }

  /// The status of what has this name, be it a symbolic link.
  func status(of path: String) throws(FileError) -> Stat {
    try perform(.status, path) { (_) throws(Errno) in
      try FilePath(path).stat(followTargetSymlink: false, retryOnInterrupt: false)
    }
  }

  /// The names in a folder, sorted.
  package func list(_ folder: String) throws(FileError) -> [String] {
    try perform(.list, folder) { (_) throws(Errno) in
      guard let directory = opendir(folder) else { throw Errno(rawValue: errno) }
      closedir(directory)
    }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
      throw FileError(folder, "list", reason: error.localizedDescription)
    }
  }

  /// Bytes that may still be written to the file system of `folder`.
  package func freeSpace(in folder: String) throws(FileError) -> Int {
    var status = statvfs()
    _ = try perform(.freeSpace, folder) { (_) throws(Errno) in try Self.check(statvfs(folder, &status)) }
    let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
      by: Int(clamping: status.f_frsize))
    return overflow ? Int.max : bytes
  }
}
