import Files
import Foundation
import Tensors

/// What a checkpoint file says it holds, taken from its structures alone: no data are read, nothing is allocated by a
/// size that the file states.
struct CheckpointContents {
  struct Dataset {
    enum Kind: Equatable {
      case tensor(ElementType)
      case text
    }

    let path: String
    let kind: Kind
    let shape: TensorShape
    /// The bytes of the file that the data take; inside it.
    let range: Range<Int>
    let crc: UInt32
  }

  let step: Int
  /// In the order of their paths.
  let tensors: [Dataset]
  /// Directly under `run/`, in the order of their names.
  let texts: [Dataset]

  /// Walks the file.
  ///
  /// With a parser of its own for the few structures that a checkpoint has, not with HDF5: version 1.10 of it
  /// follows wild pointers when a file is made to harm, checksums and all.
  /// - Throws: at the first link that is not plain, dataset that is not contiguous, or anything else a writer of this
  ///   format would not have made.
  init(of verified: borrowing VerifiedFile, calls: FileSystemCalls) throws(CheckpointError) {
    do {
      var walk = CheckpointWalk(byteCount: verified.byteCount, calls: calls)
      try walk.run(verified.file)
      step = walk.step
      let sorted = walk.datasets.sorted { $0.path < $1.path }
      tensors = sorted.filter { $0.kind != .text }
      texts = sorted.filter { $0.kind == .text }
    } catch {
      throw error.within(verified.url.path)
    }
    if let named = CheckpointFile.step(ofName: verified.url.lastPathComponent), named != step {
      throw CheckpointError("\(verified.url.path) holds step \(step), not the one it is named after")
    }
    let textBytes = texts.reduce(0) { $0 + $1.range.count }
    guard textBytes <= CheckpointLayout.largestTexts else {
      throw CheckpointError(
        "\(verified.url.path) has \(textBytes) bytes of texts, \(CheckpointLayout.largestTexts) at most are expected")
    }
  }
}
