/// Tells the files of one kind that this program writes from the files of others, by their first bytes.
///
/// A name that a user may have taken is replaced only where its file is recognized.
package struct OwnFile: Sendable {
  /// For messages: "page", "table".
  let kind: String
  private let isOwn: @Sendable (_ start: [UInt8]) -> Bool

  /// The bytes that decide.
  private static let startLength = 4096

  package init(_ kind: String, isOwn: @escaping @Sendable (_ start: [UInt8]) -> Bool) {
    self.kind = kind
    self.isOwn = isOwn
  }

  /// Files that begin with a text.
  package init(_ kind: String, beginningWith text: String) {
    self.init(kind) { $0.starts(with: text.utf8) }
  }

  /// Refuses to replace a file that this program has not written; no file or an empty one is fine.
  package func check(_ path: String, calls: FileSystemCalls = .real) throws(FileError) {
    let start: [UInt8]
    do throws(FileError) {
      start = try Self.start(of: path, calls)
    } catch {
      if error.code == .noSuchFileOrDirectory { return }
      throw error
    }
    guard !start.isEmpty, !isOwn(start) else { return }
    throw FileError(
      path, "replace", reason: "it is no \(kind) that troupe has written; move it away, or write to another file")
  }

  private static func start(of path: String, _ calls: FileSystemCalls) throws(FileError) -> [UInt8] {
    let file = try calls.open(path)
    return try calls.bytes(of: file, in: 0..<min(calls.size(of: file), startLength))
  }
}
