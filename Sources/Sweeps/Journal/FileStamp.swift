import Foundation

/// Tells whether a file has changed since somebody looked: which one it is, its size, and when it was last changed.
struct FileStamp: Equatable {
  private let file: [UInt64]
  private let size: Int
  private let seconds: Int
  private let nanoseconds: Int

  /// Nil where there is no regular file.
  init?(_ url: URL) {
    var status = stat()
    guard stat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    file = [UInt64(status.st_dev), UInt64(status.st_ino)]
    size = Int(status.st_size)
    // Not the time of the contents: a file that may be read by now has changed too.
    seconds = Int(status.st_ctim.tv_sec)
    nanoseconds = Int(status.st_ctim.tv_nsec)
  }
}
