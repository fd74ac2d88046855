import Files
import Foundation
import TestSupport
import Testing

/// Files that would make a reader or writer wait, or never end.
@Suite struct RegularFileTests {
  private static let ways: [(name: String, run: @Sendable (String) throws -> Void)] = [
    ("open", { _ = try FileSystemCalls.real.open($0) }),
    ("append", { _ = try AppendLog(path: $0, mode: .append) }),
    ("create", { _ = try AppendLog(path: $0, mode: .create) }),
    ("contents", { _ = try FileSystemCalls.real.contents(of: $0, largest: 10) }),
    ("lines", { _ = try LineReader(path: $0) }),
    ("map", { _ = try MappedFile(path: $0) }),
    ("lock", { _ = try FileLock(URL(fileURLWithPath: $0)) }),
  ]

  @Test(.timeLimit(.minutes(1))) func pipesDevicesAndFoldersAreRefused() throws {
    let folder = try TemporaryFolder()
    folder.makePipe("pipe")
    try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: "pipe")
    for path in [folder.path("pipe"), folder.path("link"), "/dev/zero", folder.path] {
      for way in Self.ways {
        let error = #expect(throws: FileError.self, "\(way.name) \(path)") { try way.run(path) }
        #expect(error?.path.hasPrefix(path) == true && error?.description.contains("\n") == false, "\(way.name)")
      }
      #expect(!FileLock.isHeld(URL(fileURLWithPath: path)))
    }
    let error = #expect(throws: FileError.self) { _ = try FileSystemCalls.real.open(folder.path("pipe")) }
    #expect(error?.reason == "expected a regular file, found a pipe")
  }

  @Test func linksToRegularFilesAreFollowed() throws {
    let folder = try TemporaryFolder()
    try folder.write("abc", "file")
    try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: "file")
    let calls = FileSystemCalls.real
    #expect(try calls.contents(of: folder.path("link"), largest: 3) == Array("abc".utf8))
    #expect(throws: FileError.self) { try calls.contents(of: folder.path("link"), largest: 2) }
    #expect(throws: FileError.self) { try calls.contents(of: folder.path("link"), largest: 3, followsLinks: false) }
  }

  @Test func whatIsAppendedIsWholeOrNotThere() throws {
    let folder = try TemporaryFolder()
    let counter = CallCounter()
    let calls = FileSystemCalls { operation, _ in
      guard operation == .write else { return .proceed }
      return counter.next() % 3 == 2 ? .fail(ENOSPC) : .atMost(2)
    }
    var log = try AppendLog(path: folder.path("log"), mode: .create, calls: calls)
    try log.append(Array("abcd".utf8), count: 3)
    #expect(throws: FileError.self) { try log.append(Array("efgh".utf8), count: 4) }
    try log.append(Array("ij".utf8), count: 2)
    #expect(try folder.text("log") == "abcij")
  }

  @Test func foldersAreMadeWithTheirParents() throws {
    let folder = try TemporaryFolder()
    let calls = FileSystemCalls.real
    for _ in 1...2 { try calls.makeFolder(folder.path("a/b/c")) }
    try folder.write("", "file")
    #expect(throws: FileError.self) { try calls.makeFolder(folder.path("file")) }
    #expect(throws: FileError.self) { try calls.makeFolder(folder.path("file/a")) }
    #expect(try folder.names() == ["a", "file"] && folder.names("a/b") == ["c"])
  }

  @Test func digestsOfFiles() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("abc", "file")
    var digest = Digest.sha256()
    try digest.update(FileSystemCalls.real.open(path))
    #expect(digest.hexadecimal() == Digest.sha256(Array("abc".utf8)))
  }
}
