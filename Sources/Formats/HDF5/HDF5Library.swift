import CHDF5
import Synchronization

/// The HDF5 library, which one thread at a time may use.
package enum HDF5Library {
  private static let lock = Mutex(())

  /// The version that the program is linked with, such as "HDF5 1.10.8".
  package static var version: String {
    "HDF5 \(alone { number })"
  }

  private static var number: String {
    var (major, minor, release) = (UInt32(0), UInt32(0), UInt32(0))
    H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  /// Runs `body` while no other thread uses the library.
  package static func alone<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    try lock.withLock { (_) throws(Failure) in
      H5open()
      troupe_h5_silence()
      return try body()
    }
  }

  /// The error that a failed call stands for: the deepest reason that the library gives.
  static func error(_ expected: String, at place: String = "") -> HDF5Error {
    var reason: String?
    withUnsafeMutablePointer(to: &reason) { reason in
      troupe_h5_walk_errors(
        { depth, error, context in
          guard depth == 0, let description = error?.pointee.desc else { return 0 }
          context?.assumingMemoryBound(to: String?.self).pointee = String(cString: description)
          return 0
        }, reason)
    }
    if reason?.hasSuffix("file signature not found") == true {
      return HDF5Error("an HDF5 file", "another format or a truncated file", at: place)
    }
    let isNewer = reason?.contains("version number") ?? false
    return HDF5Error(
      expected, reason.map { "\"\($0)\"" } ?? "an error of the HDF5 library", at: place,
      advice: isNewer
        ? "the file is damaged, or from a newer HDF5 than \(number): write it again with libver=\"v110\" in h5py" : "")
  }

  /// Checks the result of a call.
  static func check(_ result: some SignedInteger, _ expected: @autoclosure () -> String) throws(HDF5Error) {
    guard result >= 0 else { throw error(expected()) }
  }
}

/// An object of the library, closed with its owner.
struct HDF5Handle: ~Copyable {
  let id: hid_t

  /// - Parameter expected: what a negative `id` does not stand for, for the error.
  init(_ id: hid_t, _ expected: @autoclosure () -> String) throws(HDF5Error) {
    try HDF5Library.check(id, expected())
    self.id = id
  }

  deinit { H5Idec_ref(id) }
}
