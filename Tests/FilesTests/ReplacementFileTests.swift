import Files
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite struct ReplacementFileTests {
  private let folder: TemporaryFolder
  private let old = [UInt8](repeating: 1, count: 500)
  private let new = [UInt8](repeating: 2, count: 900)

  init() throws { folder = try TemporaryFolder() }

  private func write(_ calls: FileSystemCalls, leftovers: ReplacementFile.Leftovers = .removed) throws(FileError) {
    try ReplacementFile.write(new, to: folder.path("a"), leftovers: leftovers, calls: calls)
  }

  private func content() throws -> [UInt8] { [UInt8](try folder.bytes("a")) }

  private func callCount() throws -> Int {
    let counter = CallCounter()
    try write(.counting(counter))
    return counter.total
  }

  @Test func bytesAreOnTheDiskBeforeTheirName() throws {
    let order = Recorded()
    try write(FileSystemCalls { operation, _ in order.append(operation) })
    #expect(order.operations == [.list, .create, .write, .sync, .close, .rename, .open, .sync])
  }

  @Test(arguments: [EIO, ENOSPC, EACCES]) func anyCallThatFailsLeavesTheOldFile(code: Int32) throws {
    let calls = try callCount()
    for index in 0..<calls {
      try folder.write(old, "a")
      let error = #expect(throws: FileError.self) { try write(.failing(at: index, with: code)) }
      #expect(error?.code == Errno(rawValue: code) && error?.description.contains("\n") == false, "call \(index)")
      // After the rename the new file is whole, only not known to survive a power cut.
      #expect(try content() == (index < calls - 2 ? old : new), "call \(index)")
      #expect(try folder.names() == ["a"], "call \(index)")
    }
  }

  @Test func aKillAtAnyCallLeavesAWholeFile() throws {
    let calls = try callCount()
    for index in 0...calls {
      try folder.write(old, "a")
      try? write(.killed(at: index))
      let left = try content()
      #expect(left == old || left == new, "call \(index)")
      try write(.real)
      #expect(try content() == new)
      #expect(try folder.names() == ["a"], "call \(index)")
    }
  }

  @Test func shortAndInterruptedCallsContinue() throws {
    try write(FileSystemCalls { _, _ in .atMost(7) })
    #expect(try content() == new)
    try folder.write(old, "a")
    let counter = CallCounter()
    try write(
      FileSystemCalls { operation, _ in counter.next() % 2 == 0 && operation != .close ? .fail(EINTR) : .proceed })
    #expect(try content() == new)
  }

  @Test func errorsNameTheTarget() {
    let calls = FileSystemCalls { operation, _ in operation == .write ? .fail(ENOSPC) : .proceed }
    let error = #expect(throws: FileError.self) { try write(calls, leftovers: .removedWhenOld) }
    #expect(error?.description == "cannot write \(folder.path("a")): No space left on device")
  }

  @Test func temporaryNames() {
    #expect(ReplacementFile.targetName(of: "a.b.0123456789abcdef.tmp") == "a.b")
    for name in ["a.tmp", "a.0123456789abcde.tmp", "a.0123456789abcdeg.tmp", "0123456789abcdef.tmp", "a"] {
      #expect(ReplacementFile.targetName(of: name) == nil, "\(name)")
    }
  }
}

/// Operations in their order.
private final class Recorded: Sendable {
  private let list = Mutex<[FileSystemCalls.Operation]>([])
  var operations: [FileSystemCalls.Operation] { list.withLock { $0 } }

  func append(_ operation: FileSystemCalls.Operation) -> FileSystemCalls.Verdict {
    list.withLock { $0.append(operation) }
    return .proceed
  }
}
