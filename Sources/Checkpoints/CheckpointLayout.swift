import Tensors

/// The constants of the format, which the comment of `CheckpointFile` describes.
enum CheckpointLayout {
  static let format = "troupe-checkpoint"
  static let version: Int32 = 1

  static let formatAttribute = "format"
  static let versionAttribute = "format_version"
  static let stepAttribute = "step"
  static let checksumAttribute = "crc32c"

  /// The group of the texts.
  static let textGroup = "run"
  /// The most bytes all texts of a checkpoint may have together.
  static let largestTexts = 64 << 20
  /// The most groups and datasets of a file, and their greatest depth: beyond any model, below any harm.
  static let mostObjects = 100_000
  static let deepestPath = 16
  static let mostDimensions = 32
  /// The most bytes one name may have.
  static let longestName = 1_024

  /// The reason why `path` cannot name a dataset; nil when it can.
  static func flaw(in path: String) -> String? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    if path.utf8.contains(0) { return "contains a NUL character" }
    if parts.contains("") { return "has an empty part" }
    if parts.contains(".") || parts.contains("..") { return "has a part that is \".\" or \"..\"" }
    if parts.count > deepestPath { return "has more than \(deepestPath) parts" }
    if parts.contains(where: { $0.utf8.count > longestName }) { return "has a part of more than \(longestName) bytes" }
    return nil
  }

  /// The first bytes of every checkpoint: HDF5's signature and superblock version 2, the first one with checksums.
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 2]
}
