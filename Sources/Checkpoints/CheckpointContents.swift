import Files
import Formats
import Foundation
import Tensors

/// The contents of a checkpoint file according to its structures, which a process of its own reads through the HDF5
/// library; the data are read by this process, from their places in the file.
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

  /// - Throws: at the first link that is not plain, dataset that is not contiguous, or anything else that a writer of
  ///   this format does not write.
  init(of verified: borrowing VerifiedFile, calls: FileSystemCalls) throws(CheckpointError) {
    let datasets: [Dataset]
    do {
      try Self.checkSignature(of: verified, calls: calls)
      let objects = try Self.objects(of: verified)
      step = try Self.step(of: objects.first)
      datasets = try Self.datasets(among: objects.dropFirst(), byteCount: verified.byteCount)
    } catch {
      throw error.within(verified.url.path)
    }
    let sorted = datasets.sorted { $0.path < $1.path }
    tensors = sorted.filter { $0.kind != .text }
    texts = sorted.filter { $0.kind == .text }
    if let named = CheckpointFile.step(ofName: verified.url.lastPathComponent), named != step {
      throw CheckpointError("\(verified.url.path) holds step \(step), not the one of its name")
    }
    let textBytes = texts.reduce(0) { $0 + $1.range.count }
    guard textBytes <= CheckpointLayout.largestTexts else {
      throw CheckpointError(
        "\(verified.url.path) has \(textBytes) bytes of texts, \(CheckpointLayout.largestTexts) at most are expected")
    }
  }

  private static func checkSignature(
    of verified: borrowing VerifiedFile, calls: FileSystemCalls
  ) throws(CheckpointError) {
    let count = min(CheckpointLayout.signature.count, verified.byteCount)
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try calls.bytes(of: verified.file, in: 0..<count)
    } catch {
      throw CheckpointError(error)
    }
    guard bytes == CheckpointLayout.signature else {
      throw CheckpointError("not a checkpoint: it does not start with an HDF5 1.8 superblock")
    }
  }

  private static func objects(of verified: borrowing VerifiedFile) throws(CheckpointError) -> [HDF5Object] {
    do throws(HDF5Error) {
      return try HDF5File.objects(of: verified.file)
    } catch {
      throw CheckpointError(error)
    }
  }

  /// Checks the file's own attributes.
  private static func step(of root: HDF5Object?) throws(CheckpointError) -> Int {
    guard let root else { throw CheckpointError("has no root group") }
    let format = try root.attribute(CheckpointLayout.formatAttribute)
    let longest = CheckpointLayout.format.utf8.count
    guard format.type.valueClass == .text, (1...longest).contains(format.type.byteCount) else {
      throw CheckpointError("the attribute \(format.name) is not a text of at most \(longest) bytes")
    }
    guard format.text == CheckpointLayout.format else {
      throw CheckpointError("has the format \"\(format.text ?? "")\", expected \"\(CheckpointLayout.format)\"")
    }
    let version = try root.number(CheckpointLayout.versionAttribute, byteCount: 4)
    guard version == CheckpointLayout.version else {
      throw CheckpointError("has format version \(version), this build reads \(CheckpointLayout.version)")
    }
    let step = try root.number(CheckpointLayout.stepAttribute, byteCount: 8)
    guard step >= 0 else { throw CheckpointError("states step \(step)") }
    return Int(step)
  }

  private static func datasets(
    among objects: some Sequence<HDF5Object>, byteCount: Int
  ) throws(CheckpointError) -> [Dataset] {
    var datasets: [Dataset] = []
    var addresses: Set<Int?> = []
    for object in objects {
      let path = object.path
      let group = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
      if let flaw = object.flaw { throw CheckpointError("\(path): \(flaw)") }
      switch object.kind {
      case .softLink, .externalLink:
        let name = path.dropFirst(group.isEmpty ? 0 : group.count + 1)
        throw CheckpointError(
          "/\(group) has a soft or external link named \(name): refused, a checkpoint has plain links only")
      case .group, .dataset: break
      case .namedType: throw CheckpointError("\(path) is neither a group nor a dataset")
      case .other:
        throw CheckpointError("something in the group /\(group) has a name that is not one of a tensor")
      }
      guard object.linkCount == 1, addresses.insert(object.address).inserted else {
        throw CheckpointError("\(path) is linked more than once: a checkpoint has one name for each object")
      }
      guard path.split(separator: "/").count <= CheckpointLayout.deepestPath else {
        throw CheckpointError("\(path) lies deeper than \(CheckpointLayout.deepestPath) groups")
      }
      if let flaw = CheckpointLayout.flaw(in: path) {
        throw CheckpointError("\(path) has a name that is not one of a tensor: it \(flaw)")
      }
      if object.kind == .dataset {
        do throws(CheckpointError) {
          datasets.append(try Dataset(object, byteCount: byteCount))
        } catch {
          throw error.within(path)
        }
      }
    }
    return datasets
  }
}

extension CheckpointContents.Dataset {
  /// Checks that a dataset is one of a checkpoint of `byteCount` bytes.
  fileprivate init(_ object: HDF5Object, byteCount: Int) throws(CheckpointError) {
    path = object.path
    guard let storage = object.storage, let type = object.type else { throw CheckpointError("not described") }
    guard storage.kind != .external else { throw CheckpointError("its data are in another file: refused") }
    guard storage.kind == .contiguous, storage.filters.isEmpty else {
      throw CheckpointError("it is chunked, compact or virtual: refused, a checkpoint's data are contiguous")
    }
    guard let range = storage.range, let extents = object.extents else { throw CheckpointError("it has no data") }
    guard range.upperBound <= byteCount else {
      throw CheckpointError("it states \(range.count) bytes at byte \(range.lowerBound) of \(byteCount)")
    }
    guard let shape = TensorShape(checking: extents) else {
      throw CheckpointError("it states the shape \(extents), which no tensor has")
    }
    let isText = path.hasPrefix(CheckpointLayout.textGroup + "/")
    if isText, type.valueClass == .text, type.byteCount > 0 {
      kind = .text
    } else if !isText, type.isNative(.float, byteCount: 4) {
      kind = .tensor(.float32)
    } else if !isText, type.isNative(.integer, byteCount: 4) {
      kind = .tensor(.int32)
    } else {
      throw CheckpointError(isText ? "not a text of fixed length" : "neither little-endian float32 nor int32")
    }
    let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow, bytes == range.count, !isText || shape.rank == 0 else {
      throw CheckpointError("it takes \(range.count) bytes, which is not what its shape \(shape) needs")
    }
    self.range = range
    self.shape = shape
    crc = UInt32(
      truncatingIfNeeded: try object.number(CheckpointLayout.checksumAttribute, byteCount: 4, isSigned: false))
  }
}

extension HDF5Object {
  fileprivate func attribute(_ name: String) throws(CheckpointError) -> HDF5Attribute {
    guard let attribute = attributes.first(where: { $0.name == name }) else {
      throw CheckpointError("the attribute \(name) is missing")
    }
    return attribute
  }

  /// The single little-endian integer of exactly this type.
  fileprivate func number(
    _ name: String, byteCount: Int, isSigned: Bool = true
  ) throws(CheckpointError) -> Int64 {
    let attribute = try attribute(name)
    guard attribute.isScalar else { throw CheckpointError("the attribute \(name) is not a single value") }
    guard attribute.type.isNative(.integer, byteCount: byteCount, isSigned: isSigned), let number = attribute.number
    else { throw CheckpointError("the attribute \(name) has another type than expected") }
    return number
  }
}
