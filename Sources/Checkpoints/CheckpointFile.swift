import Foundation
import Tensors

/// A run's state in one HDF5 file, of which a reader finds all or nothing.
///
/// The file: superblock version 2; root attributes `format` = "troupe-checkpoint", `format_version` = 1 (int32) and
/// `step` (int64); a dataset for each tensor, little-endian float32 or int32, contiguous, in plain groups
/// (`parameters/hidden.0.weight`); a scalar UTF-8 string dataset under `run/` for each text; every dataset with the
/// attribute `crc32c` (uint32) of its bytes. Equal contents are equal files. Beside it `<name>.sha256`, which
/// `sha256sum -c` understands.
///
/// Any HDF5 reader since version 1.8 opens it. Calls from several threads are safe. The caller must prevent two writers
/// of one folder.
package enum CheckpointFile {
  /// `step-00001000.h5`
  package static func name(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".h5"
  }

  /// The step in a file name as `name(step:)` writes it; nil for any other name.
  package static func step(ofName name: String) -> Int? {
    guard name.hasPrefix("step-"), name.hasSuffix(".h5") else { return nil }
    guard let step = Int(name.dropFirst(5).dropLast(3)), step >= 0, self.name(step: step) == name else { return nil }
    return step
  }

  /// The file beside a checkpoint that holds its digest.
  package static func digestURL(of url: URL) -> URL {
    url.deletingLastPathComponent().appendingPathComponent(url.lastPathComponent + digestEnding)
  }

  static let digestEnding = ".sha256"

  /// The tensors that a read expects in the file.
  package enum Match: Sendable {
    /// Exactly the given ones, for resuming.
    case exact
    /// At least the given ones, for evaluation, sampling and export, which need only the parameters.
    case subset
  }
}

/// The digest and the size of a written checkpoint.
package struct CheckpointReceipt: Sendable, Equatable {
  /// SHA-256 of the file, 64 lowercase hexadecimal digits.
  package let digest: String
  /// Bytes of the file.
  package let byteCount: Int
}
