import CHDF5
import Glibc

/// The file below the library's own: bytes at addresses.
///
/// Source: "HDF5 Virtual File Layer", H5FDdevelop.h.
// Unsafe pointers: the glue of the library's table of C functions. The library calls them on the thread that uses it.
class HDF5Driver {
  /// Of the file.
  var byteCount: Int { 0 }

  /// Fills `bytes` from an address on, with zeros behind the file's end.
  /// - Returns: false where that fails.
  func read(_ bytes: UnsafeMutableRawBufferPointer, at address: Int) -> Bool { false }

  /// - Parameter isData: whether these are elements of a dataset, not structures.
  func write(_ bytes: UnsafeRawBufferPointer, at address: Int, isData: Bool) -> Bool { false }

  /// Makes files of an access list go through this driver, which must outlive them.
  final func use(in access: hid_t) throws(HDF5Error) {
    var owner: UnsafeMutableRawPointer? = Unmanaged.passUnretained(self).toOpaque()
    try HDF5Library.check(Self.number, "to register a file driver")
    try HDF5Library.check(H5Pset_driver(access, Self.number, &owner), "to choose a file driver")
  }

  private static func driver(of file: UnsafePointer<H5FD_t>?) -> HDF5Driver? {
    let owner = file.flatMap { UnsafeRawPointer($0).assumingMemoryBound(to: troupe_h5_file.self).pointee.owner }
    return owner.map { Unmanaged<HDF5Driver>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Registered once.
  private static let number: hid_t = troupe_h5_register_driver(
    "troupe",
    { _, _, access, _ in
      guard let owner = H5Pget_driver_info(access) else { return nil }
      let file = UnsafeMutablePointer<troupe_h5_file>.allocate(capacity: 1)
      file.initialize(to: troupe_h5_file())
      file.pointee.owner = owner.load(as: UnsafeMutableRawPointer?.self)
      return UnsafeMutableRawPointer(file).assumingMemoryBound(to: H5FD_t.self)
    },
    { file in
      file.map { UnsafeMutableRawPointer($0) }?.deallocate()
      return 0
    },
    { file, _ in
      guard let file else { return 0 }
      return UnsafeRawPointer(file).assumingMemoryBound(to: troupe_h5_file.self).pointee.end_of_addresses
    },
    { file, _, address in
      guard let file else { return -1 }
      UnsafeMutableRawPointer(file).assumingMemoryBound(to: troupe_h5_file.self).pointee.end_of_addresses = address
      return 0
    },
    { file, _ in haddr_t(driver(of: file)?.byteCount ?? 0) },
    { file, _, _, address, count, target in
      guard let driver = driver(of: file), let start = Int(exactly: address) else { return -1 }
      return driver.read(UnsafeMutableRawBufferPointer(start: target, count: count), at: start) ? 0 : -1
    },
    { file, type, _, address, count, bytes in
      guard let driver = driver(of: file), let start = Int(exactly: address) else { return -1 }
      let bytes = UnsafeRawBufferPointer(start: bytes, count: count)
      return driver.write(bytes, at: start, isData: type == H5FD_MEM_DRAW) ? 0 : -1
    })
}

/// Reads an open file.
final class HDF5DescriptorDriver: HDF5Driver {
  private let descriptor: Int32
  private let count: Int

  /// - Parameter descriptor: of a regular file; it stays open.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    count = max(0, Int(lseek(descriptor, 0, SEEK_END)))
  }

  override var byteCount: Int { count }

  override func read(_ bytes: UnsafeMutableRawBufferPointer, at address: Int) -> Bool {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
      let (place, overflow) = address.addingReportingOverflow(done)
      guard !overflow else { return false }
      let read = pread(descriptor, rest.baseAddress, rest.count, place)
      if read < 0, errno == EINTR { continue }
      guard read >= 0 else { return false }
      guard read > 0 else {
        rest.initializeMemory(as: UInt8.self, repeating: 0)
        break
      }
      done += read
    }
    return true
  }
}
