import Files
import Foundation
import Tensors

/// The contents of a checkpoint file according to its structures: no data are read, and no allocation depends on a size
/// that the file states.
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
  /// It parses the few structures that a checkpoint has itself: version 1.10 of the HDF5 library follows wild pointers
  /// in a malicious file, even where its checksums fit.
  ///
  /// - Throws: at the first link that is not plain, dataset that is not contiguous, or anything else that a writer of
  ///   this format does not write.
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
      throw CheckpointError("\(verified.url.path) holds step \(step), not the one of its name")
    }
    let textBytes = texts.reduce(0) { $0 + $1.range.count }
    guard textBytes <= CheckpointLayout.largestTexts else {
      throw CheckpointError(
        "\(verified.url.path) has \(textBytes) bytes of texts, \(CheckpointLayout.largestTexts) at most are expected")
    }
  }
}
