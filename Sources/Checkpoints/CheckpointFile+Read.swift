import Files
import Foundation
import Tensors

extension CheckpointFile {
  /// Checks a checkpoint: its digest before anything is interpreted, then its structure, then the CRC32C of every
  /// dataset. Memory: one block, and the texts.
  package static func verify(at url: URL, calls: FileSystemCalls = .real) throws(CheckpointError) -> CheckpointSummary {
    try verify(VerifiedFile(url, calls: calls), calls: calls)
  }

  static func verify(
    _ verified: borrowing VerifiedFile, calls: FileSystemCalls
  ) throws(CheckpointError) -> CheckpointSummary {
    let url = verified.url
    let contents = try CheckpointContents(of: verified, calls: calls)
    var block = FileBlock(byteCount: blockSize)
    for dataset in contents.tensors {
      var crc: UInt32 = 0
      do throws(FileError) {
        try block.forEach(of: verified.file, in: dataset.range, calls: calls) { bytes, _ in
          crc = CRC32C.checksum(bytes, from: crc)
        }
      } catch {
        throw CheckpointError(error)
      }
      try check(crc, dataset, url: url)
    }
    let tensors = contents.tensors.compactMap { dataset -> CheckpointSummary.Tensor? in
      guard case .tensor(let type) = dataset.kind else { return nil }
      return CheckpointSummary.Tensor(path: dataset.path, shape: dataset.shape, type: type)
    }
    return CheckpointSummary(
      url: url, digest: verified.digest, byteCount: verified.byteCount, tensors: tensors,
      metadata: try metadata(of: contents, in: verified, calls: calls))
  }

  /// Fills `tensors` from a checkpoint and returns its metadata.
  ///
  /// Names, shapes and types must agree; before they do, nothing is read into memory. After an error in between
  /// (the disk fails while it is read) the tensors' contents are undefined.
  package static func read(
    at url: URL, into tensors: [CheckpointTensor], match: Match = .exact, calls: FileSystemCalls = .real
  ) throws(CheckpointError) -> CheckpointMetadata {
    try read(VerifiedFile(url, calls: calls), into: tensors, match: match, calls: calls)
  }

  static func read(
    _ verified: borrowing VerifiedFile, into tensors: [CheckpointTensor], match: Match, calls: FileSystemCalls
  ) throws(CheckpointError) -> CheckpointMetadata {
    let url = verified.url
    let contents = try CheckpointContents(of: verified, calls: calls)
    let pairing = TensorPairing<CheckpointContents.Dataset>(match: match) { dataset, tensor in
      if dataset.shape != tensor.shape { return "is \(dataset.shape) in the file, \(tensor.shape) here" }
      return dataset.kind == .tensor(tensor.slice.type) ? nil : "is not \(tensor.slice.type) in the file"
    }
    let stored = try pairing.pairs(of: tensors, in: contents.tensors.map { ($0.path, $0) }, url: url)
    for (tensor, dataset) in zip(tensors, stored) {
      var bytes = tensor.slice.mutableBytes
      var crc: UInt32 = 0
      for start in stride(from: 0, to: bytes.byteCount, by: blockSize) {
        let block = start..<min(start + blockSize, bytes.byteCount)
        do throws(FileError) {
          try calls.read(&bytes, block, from: verified.file, at: dataset.range.lowerBound + start)
        } catch {
          throw CheckpointError(error)
        }
        crc = CRC32C.checksum(bytes.bytes.extracting(block), from: crc)
      }
      try check(crc, dataset, url: url)
    }
    return try metadata(of: contents, in: verified, calls: calls)
  }

  /// The metadata of a checkpoint, after the check of its digest and structure.
  package static func metadata(
    at url: URL, calls: FileSystemCalls = .real
  ) throws(CheckpointError) -> CheckpointMetadata {
    let verified = try VerifiedFile(url, calls: calls)
    return try metadata(of: CheckpointContents(of: verified, calls: calls), in: verified, calls: calls)
  }

  private static func metadata(
    of contents: CheckpointContents, in verified: borrowing VerifiedFile, calls: FileSystemCalls
  ) throws(CheckpointError) -> CheckpointMetadata {
    var metadata = CheckpointMetadata(step: contents.step)
    for dataset in contents.texts {
      var bytes = try CheckpointError.files { () throws(FileError) in
        try calls.bytes(of: verified.file, in: dataset.range)
      }
      try check(CRC32C.checksum(bytes.span.bytes), dataset, url: verified.url)
      if bytes == [0] { bytes = [] }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw CheckpointError("\(verified.url.path): \(dataset.path) is not UTF-8")
      }
      let name = dataset.path.dropFirst(CheckpointLayout.textGroup.count + 1)
      guard let known = CheckpointMetadata.texts.first(where: { $0.name == name }) else { continue }
      metadata[keyPath: known.property] = text
    }
    return metadata
  }

  private static func check(
    _ crc: UInt32, _ dataset: CheckpointContents.Dataset, url: URL
  ) throws(CheckpointError) {
    guard crc == dataset.crc else {
      throw CheckpointError(
        "\(url.path) is damaged: \(dataset.path) has the CRC32C \(String(crc, radix: 16)), its attribute says "
          + String(dataset.crc, radix: 16))
    }
  }
}
