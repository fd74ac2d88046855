import Data
import Foundation
import Subprocess
import TestSupport
import Testing

@Suite(.serialized) struct FetchTests {
  private let temporary: TemporaryFolder
  private var folder: String { temporary.path("set") }
  private static let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 251) }

  init() throws { temporary = try TemporaryFolder() }

  private func source(_ md5: String) -> DatasetSource {
    DatasetSource(name: "some", home: "http://127.0.0.1:1/", files: [.init(name: "a.bin", md5: md5)])
  }

  /// The digest by `md5sum`.
  private static func md5(_ bytes: [UInt8]) async throws -> String {
    let temporary = try TemporaryFolder()
    let path = try temporary.write(bytes, "file")
    let result = try await Subprocess.run(.path("/usr/bin/md5sum"), arguments: [path], output: .string(limit: 4096))
    return String(result.standardOutput.prefix(32))
  }

  private func fetch(_ source: DatasetSource, _ server: LoopbackServer) async throws {
    try await DatasetFetch(source, into: folder, from: server.base).run { _ in }
  }

  private func fails(_ source: DatasetSource, _ server: LoopbackServer, _ words: String...) async {
    let error = await #expect(throws: FetchError.self) { try await fetch(source, server) }
    for word in words { #expect(error?.description.contains(word) == true, "\(error?.description ?? "")") }
    #expect(!FileManager.default.fileExists(atPath: folder))
  }

  private var fetched: Data? { FileManager.default.contents(atPath: folder + "/a.bin") }
  private var part: Data? { FileManager.default.contents(atPath: folder + ".part/a.bin.part") }

  @Test func downloadsAndChecks() async throws {
    let server = try LoopbackServer(["a.bin": Self.content])
    try await fetch(source(try await Self.md5(Self.content)), server)
    #expect(fetched == Data(Self.content))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.bin"])
    #expect(!FileManager.default.fileExists(atPath: folder + ".part"))
    let again = #expect(throws: DataError.self) { _ = try DatasetFetch(source(""), into: folder) }
    #expect(again?.description.contains("--into") == true)
  }

  @Test(arguments: [true, false]) func goesOnWhereItStopped(knowsRanges: Bool) async throws {
    let server = try LoopbackServer(["a.bin": Self.content])
    server.behavior.withLock { $0.cutAfter = 30_000 }
    let source = source(try await Self.md5(Self.content))
    await fails(source, server, "a.bin", "again")
    let have = try #require(part?.count)
    #expect(have > 0 && have <= 30_000)
    server.behavior.withLock {
      $0.cutAfter = nil
      $0.knowsRanges = knowsRanges
    }
    try await fetch(source, server)
    #expect(fetched == Data(Self.content))
    #expect(server.requests.withLock { $0 } == ["GET /a.bin HTTP/1.1", "GET /a.bin HTTP/1.1 bytes=\(have)-"])
  }

  @Test func startsOverWhereThePartIsOfAnotherFile() async throws {
    let server = try LoopbackServer(["a.bin": Self.content])
    let source = source(try await Self.md5(Self.content))
    try FileManager.default.createDirectory(atPath: folder + ".part", withIntermediateDirectories: true)
    // Longer than the file: the server has no bytes beyond.
    try Data(Self.content + [1, 2]).write(to: URL(fileURLWithPath: folder + ".part/a.bin.part"))
    try await fetch(source, server)
    #expect(fetched == Data(Self.content))
    try FileManager.default.removeItem(atPath: folder)
    // Complete, and interrupted before it got its name.
    try FileManager.default.createDirectory(atPath: folder + ".part", withIntermediateDirectories: true)
    try Data(Self.content).write(to: URL(fileURLWithPath: folder + ".part/a.bin.part"))
    try await fetch(source, server)
    #expect(fetched == Data(Self.content))
  }

  @Test func saysWhatWentWrong() async throws {
    let server = try LoopbackServer(["a.bin": Self.content])
    await fails(source("00000000000000000000000000000000"), server, "MD5", "0000", "--from")
    #expect(part == nil)
    server.behavior.withLock { $0.status = 503 }
    await fails(source("0"), server, "503", "--from")
    server.behavior.withLock { $0 = .init() }
    await fails(source("0"), server, "404")
    let error = await #expect(throws: FetchError.self) {
      try await DatasetFetch(source("0"), into: folder).run { _ in }
    }
    #expect(error?.description.contains("check the connection") == true)
    #expect(throws: DataError.self) { _ = try DatasetFetch(source("0"), into: folder, from: "file:///etc") }
    #expect(throws: DataError.self) { _ = try DatasetFetch(source("0"), into: folder, from: "nowhere") }
  }

  @Test func unpacksOnlyWhatIsExpected() async throws {
    let work = folder + "-work"
    defer { try? FileManager.default.removeItem(atPath: work) }
    try FileManager.default.createDirectory(atPath: work + "/deep", withIntermediateDirectories: true)
    try Data(Self.content).write(to: URL(fileURLWithPath: work + "/deep/one.bin"))
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: work + "/deep/two.bin"))
    try Data([4]).write(to: URL(fileURLWithPath: work + "/deep/other.html"))
    let packing = try await Subprocess.run(
      .path("/usr/bin/tar"), arguments: ["-czf", work + "/a.tar.gz", "-C", work, "deep"], output: .discarded)
    #expect(packing.terminationStatus.isSuccess)
    let packed = [UInt8](try Data(contentsOf: URL(fileURLWithPath: work + "/a.tar.gz")))
    let server = try LoopbackServer(["a.tar.gz": packed])
    let digest = try await Self.md5(packed)
    var source = DatasetSource(
      name: "some", home: "http://127.0.0.1:1/", files: [.init(name: "a.tar.gz", md5: digest)],
      contents: ["one.bin", "two.bin", "three.bin"])
    let error = await #expect(throws: DataError.self) { try await fetch(source, server) }
    #expect(error?.description.contains("three.bin") == true && !FileManager.default.fileExists(atPath: folder))
    source.contents = ["one.bin", "two.bin"]
    try await fetch(source, server)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["one.bin", "two.bin"])
    #expect(FileManager.default.contents(atPath: folder + "/one.bin") == Data(Self.content))
    // The archive was there from the first time.
    #expect(server.requests.withLock { $0.count } == 1)
  }

  @Test func knowsPublicSets() {
    #expect(DatasetSource.all.map(\.name) == ["mnist", "fashion-mnist", "cifar10", "tiny-shakespeare"])
    for source in DatasetSource.all {
      #expect(source.home.hasSuffix("/") && source.files.allSatisfy { $0.md5.count == 32 })
    }
  }
}
