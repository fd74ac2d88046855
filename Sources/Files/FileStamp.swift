import Foundation
import SystemPackage

/// The identity, size and change time of a file: it has changed where its stamp has.
package struct FileStamp: Equatable {
  private let identity: FileIdentity
  private let size: Int64
  private let seconds: Int
  private let nanoseconds: Int

  /// Nil where there is no regular file.
  package init?(_ url: URL) {
    guard let status = try? FilePath(url.systemPath).stat(), status.type == .regular else { return nil }
    identity = FileIdentity(status)
    size = status.size
    // Not the time of the contents: a file that may be read by now has changed too.
    seconds = status.st_ctim.tv_sec
    nanoseconds = status.st_ctim.tv_nsec
  }
}

/// A file of this machine, whatever its name.
package struct FileIdentity: Equatable, Sendable {
  private let device: DeviceID
  private let inode: Inode

  /// Of what has this name, or of the target of a symbolic link; nil where there is none.
  package init?(of path: String) {
    guard let status = try? FilePath(path).stat() else { return nil }
    self.init(status)
  }

  init(_ status: Stat) {
    device = status.deviceID
    inode = status.inode
  }
}

extension FileSystemCalls {
  /// Whether the name of an open file belongs to another file now, or to none.
  package func isReplaced(_ file: borrowing OpenFile) -> Bool {
    guard let open = try? status(of: file), let named = try? FilePath(file.path).stat() else { return true }
    return FileIdentity(open) != FileIdentity(named)
  }
}
