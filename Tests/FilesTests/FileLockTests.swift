import Files
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct FileLockTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func isHeldAsLongAsItLives() throws {
    let file = folder.file("a.lock")
    #expect(!FileLock.isHeld(file))
    var lock: FileLock? = try FileLock(file)
    #expect(lock != nil && FileLock.isHeld(file))
    #expect(throws: FileError(file.path, "lock", .wouldBlock)) { try FileLock(file, attempts: 2) }
    lock = nil
    #expect(!FileLock.isHeld(file))
    _ = try FileLock(file)
  }

  @Test func aFolderThatIsNotThereIsTheSystemsMatter() {
    #expect(throws: FileError(folder.path("none/a.lock"), "open", .noSuchFileOrDirectory)) {
      try FileLock(folder.file("none/a.lock"))
    }
    #expect(!FileLock.isHeld(folder.file("none/a.lock")))
  }
}
