import CPlatform
import Files
import Foundation
import Tensors

extension CheckpointFile {
  /// Bytes that must stay free on the disk after a checkpoint, for its digest and the run's other files.
  package static let spareSpace = 1 << 20
  /// Bytes read and digested at once, which stay in the second-level cache between the two.
  static let blockSize = 512 << 10

  /// Writes a checkpoint and returns only when it is on the disk, under its final name, and has been read back.
  ///
  /// In this order: check the tensors; remove files of a killed writer of the same step; check the free space; write a
  /// temporary file (`ReplacementFile`), fsync, close; read it back from the disk, comparing checksums and taking the
  /// digest; write `<name>.sha256` the same way; rename; fsync the folder. After any failure, every other checkpoint is
  /// untouched and no incomplete file has a checkpoint's name. Older checkpoints may be pruned only after this has
  /// returned.
  ///
  /// A good file of this name with the same contents stays as it is; one with other contents is not replaced but is an
  /// error. A damaged one is moved to `<name>.damaged`.
  ///
  /// Peak memory: the structures (less than a kilobyte per tensor) and one block; tensors are written from their own
  /// memory, so they must not change meanwhile.
  ///
  /// - Parameter url: `…/step-00001000.h5`, in a folder that exists. A name of this form must state `metadata.step`.
  @discardableResult
  package static func write(
    _ tensors: [CheckpointTensor], metadata: CheckpointMetadata, to url: URL, calls: FileSystemCalls = .real
  ) throws(CheckpointError) -> CheckpointReceipt {
    do {
      try check(tensors, metadata: metadata, name: url.lastPathComponent)
      let image = try CheckpointImage(tensors, metadata: metadata)
      return try CheckpointWriting(url: url, calls: calls).commit(image)
    } catch {
      throw CheckpointError(error).within("checkpoint of step \(metadata.step) not saved")
    }
  }

  private static func check(
    _ tensors: [CheckpointTensor], metadata: CheckpointMetadata, name: String
  ) throws(CheckpointError) {
    guard metadata.step >= 0 else { throw CheckpointError("\(metadata.step) is not a step: it must be at least 0") }
    if let step = step(ofName: name), step != metadata.step {
      throw CheckpointError("\(name) would name step \(step), but step \(metadata.step) was given")
    }
    var paths: Set<String> = []
    var groups: Set<String> = []
    for tensor in tensors {
      let path = tensor.path
      if let flaw = CheckpointLayout.flaw(in: path) { throw CheckpointError("the tensor name \"\(path)\" \(flaw)") }
      guard path.split(separator: "/").first.map(String.init) != CheckpointLayout.textGroup else {
        throw CheckpointError("the tensor \(path) lies in \(CheckpointLayout.textGroup)/, which is for texts")
      }
      guard tensor.shape.rank <= CheckpointLayout.mostDimensions else {
        throw CheckpointError(
          "\(path) has \(tensor.shape.rank) dimensions, HDF5 allows \(CheckpointLayout.mostDimensions)")
      }
      guard paths.insert(path).inserted else { throw CheckpointError("two tensors are called \(path)") }
      groups.formUnion(path.indices.filter { path[$0] == "/" }.map { String(path[..<$0]) })
      guard tensor.slice.type != .bfloat16 else {
        throw CheckpointError("\(path) is bfloat16: checkpoints store float32, convert it first")
      }
    }
    if let path = groups.intersection(paths).min() {
      throw CheckpointError("\(path) would be a tensor and a group of tensors: rename one")
    }
    let texts = metadata.presentTexts
    let count = tensors.count + texts.count
    guard count <= CheckpointLayout.mostObjects / 2 else {
      throw CheckpointError("\(count) tensors and texts are more than the \(CheckpointLayout.mostObjects / 2) allowed")
    }
    for (name, text) in texts where text.utf8.contains(0) {
      throw CheckpointError("the text \(name) contains a NUL character")
    }
    let textBytes = texts.reduce(0) { $0 + $1.text.utf8.count }
    guard textBytes <= CheckpointLayout.largestTexts else {
      throw CheckpointError("its texts have \(textBytes) bytes, \(CheckpointLayout.largestTexts) at most are allowed")
    }
  }
}

/// One checkpoint on its way to the disk. Its functions throw `CheckpointError` and `FileError`.
private struct CheckpointWriting {
  let calls: FileSystemCalls
  let folder: String
  let name: String
  let target: String
  let sidecar: String

  init(url: URL, calls: FileSystemCalls) {
    self.calls = calls
    folder = url.deletingLastPathComponent().path
    name = url.lastPathComponent
    target = url.path
    sidecar = CheckpointFile.digestURL(of: url).path
  }

  /// The file that already has the checkpoint's name.
  private enum Present {
    case nothing, damaged
    case good(digest: String)
  }

  func commit(_ image: CheckpointImage) throws -> CheckpointReceipt {
    do {
      for path in [target, sidecar] { try ReplacementFile.removeLeftovers(of: path, calls: calls) }
      try checkSpace(for: image)
      var file = try ReplacementFile(for: target, leftovers: .kept, calls: calls)
      for segment in image.segments {
        try segment.content.withBytes { bytes throws(FileError) in try file.write(bytes) }
      }
      try file.finish()
      let digest = try readBack(image, from: file.path)
      let present = try present()
      switch present {
      case .good(digest):
        try file.discard()
        return CheckpointReceipt(digest: digest, byteCount: image.byteCount)
      case .good:
        throw CheckpointError(
          "\(target) exists with other contents and is not replaced: remove it or choose another folder")
      case .damaged, .nothing: break
      }
      var line = try ReplacementFile(for: sidecar, leftovers: .kept, calls: calls)
      try line.write(Array("\(digest)  \(name)\n".utf8).span.bytes)
      try line.finish()
      if case .damaged = present { try calls.rename(target, to: target + ".damaged") }
      try line.takePlace()
      try file.takePlace()
      try calls.syncFolder(folder)
      return CheckpointReceipt(digest: digest, byteCount: image.byteCount)
    } catch {
      // Files that cannot be removed now are recognized by their names and removed by the next write or pruning.
      if (try? calls.exists(target)) == false { try? calls.remove(sidecar) }
      throw error
    }
  }

  private func checkSpace(for image: CheckpointImage) throws {
    let free = try calls.freeSpace(in: folder)
    let needed = image.byteCount + CheckpointFile.spareSpace
    guard free >= needed else {
      throw CheckpointError(
        "\(folder) has \(free) bytes free, \(needed) are needed: free space or keep fewer checkpoints", code: ENOSPC)
    }
  }

  /// Reads the written file and compares it with the image.
  /// - Returns: the digest of the file.
  private func readBack(_ image: CheckpointImage, from path: String) throws -> String {
    let file = try calls.open(path)
    let byteCount = try calls.size(of: file)
    guard byteCount == image.byteCount else {
      throw CheckpointError("\(path) has \(byteCount) bytes after \(image.byteCount) were written")
    }
    calls.forgetCached(file)
    var hash = Digest.sha256()
    var block = FileBlock(byteCount: CheckpointFile.blockSize)
    for segment in image.segments {
      var crc: UInt32 = 0
      let end = segment.offset + segment.byteCount
      try block.forEach(of: file, in: segment.offset..<end, calls: calls) { bytes, _ in
        hash.update(bytes)
        crc = CRC32C.checksum(bytes, from: crc)
      }
      guard crc == segment.crc else {
        throw CheckpointError(
          "\(path) reads back differently between bytes \(segment.offset) and \(end): disk or memory is faulty")
      }
    }
    return hash.hexadecimal()
  }

  private func present() throws(FileError) -> Present {
    guard try calls.exists(target) else { return .nothing }
    do {
      // A link that was put there may lead to another disk, and be gone tomorrow: it is moved aside as damage is.
      return .good(digest: try VerifiedFile(URL(fileURLWithPath: target), followsLinks: false, calls: calls).digest)
    } catch {
      return .damaged
    }
  }
}
