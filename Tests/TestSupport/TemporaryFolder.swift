import Foundation

/// A folder of one test, removed with its owner; in memory where possible, since tests call fsync by the thousand.
package final class TemporaryFolder: Sendable {
  package let url: URL

  package init() throws {
    let memory = URL(fileURLWithPath: "/dev/shm")
    let isMemory = FileManager.default.isWritableFile(atPath: memory.path)
    url = (isMemory ? memory : FileManager.default.temporaryDirectory).appending(
      path: "troupe-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  package var path: String { url.path }
  package func path(_ name: String) -> String { file(name).path }
  package func file(_ name: String) -> URL { url.appending(path: name) }

  /// A folder in it that does not exist yet.
  package func folder(_ name: String) -> URL { url.appending(path: name, directoryHint: .isDirectory) }

  package func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
  package func bytes(_ name: String) throws -> Data { try Data(contentsOf: file(name)) }
  package func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  /// The sorted names in the folder, or in one inside it.
  package func names(_ name: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(name)).sorted()
  }

  /// Writes a file, and makes the folders that it lies in.
  /// - Returns: its path.
  @discardableResult package func write(_ data: Data, _ name: String) throws -> String {
    try FileManager.default.createDirectory(
      at: file(name).deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file(name))
    return path(name)
  }

  @discardableResult package func write(_ bytes: [UInt8], _ name: String) throws -> String {
    try write(Data(bytes), name)
  }

  @discardableResult package func write(_ text: String, _ name: String) throws -> String {
    try write(Data(text.utf8), name)
  }

  /// Makes a named pipe; opening it without care waits for ever.
  @discardableResult package func makePipe(_ name: String) -> String {
    precondition(mkfifo(path(name), 0o600) == 0, "no pipe can be made")
    return path(name)
  }
}
