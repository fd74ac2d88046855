import Glibc
import SystemPackage

/// A file's bytes in the address space: read from the disk when they are used, and dropped when memory is short.
// Sendable because the mapping is only read, and is private to this process. Unsafe pointers: the glue of mmap.
package final class MappedFile: @unchecked Sendable {
  private let address: UnsafeMutableRawPointer
  private let count: Int

  /// - Throws: also for an empty file, which cannot be mapped.
  package init(path: String, calls: FileSystemCalls = .real) throws(FileError) {
    let file = try calls.open(path)
    let count = try calls.size(of: file)
    let descriptor = file.descriptor.rawValue
    address = try calls.perform(.map, path) { (_) throws(Errno) in
      guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
        throw Errno(rawValue: errno)
      }
      return address
    }
    self.count = count
  }

  deinit { munmap(address, count) }

  package var bytes: RawSpan {
    @_lifetime(borrow self) get {
      _overrideLifetime(RawSpan(_unsafeStart: UnsafeRawPointer(address), byteCount: count), borrowing: self)
    }
  }
}
