import Glibc

/// A file's bytes in the address space: read from the disk as they are looked at, and given back when memory is short.
// Sendable because the mapping is only read, and is private to this process. Unsafe pointers: the glue of mmap.
final class MappedFile: @unchecked Sendable {
  private let address: UnsafeMutableRawPointer
  let count: Int

  init(path: String) throws(DataError) {
    let (descriptor, size) = try RegularFile.open(path)
    defer { close(descriptor) }
    guard size > 0, let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
      throw DataError(path, expected: "a file that can be mapped", found: "\(size) bytes that cannot")
    }
    self.address = address
    count = size
  }

  deinit { munmap(address, count) }

  var bytes: RawSpan {
    @_lifetime(borrow self) get {
      _overrideLifetime(RawSpan(_unsafeStart: UnsafeRawPointer(address), byteCount: count), borrowing: self)
    }
  }
}
