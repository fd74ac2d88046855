import Formats
import Tensors

extension CheckpointContents.Dataset {
  /// Reads a dataset's description and checks that it is one of a checkpoint.
  init(_ header: HDF5ObjectHeader, path: String, byteCount: Int) throws(CheckpointError) {
    do throws(CheckpointError) {
      self.path = path
      range = try Self.range(header, byteCount: byteCount)
      shape = try Self.shape(header)
      let type = try header.only(.datatype)
      let datatype = try CheckpointError.reading { () throws(HDF5Error) in try HDF5Datatype(type) }
      let isText = path.hasPrefix(CheckpointLayout.textGroup + "/")
      switch datatype {
      case .float32 where !isText: kind = .tensor(.float32)
      case .int32 where !isText: kind = .tensor(.int32)
      case .text where isText: kind = .text
      default: throw CheckpointError(isText ? "not a text of fixed length" : "neither little-endian float32 nor int32")
      }
      let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: datatype.byteCount ?? 0)
      guard !overflow, bytes == range.count, !isText || shape.rank == 0 else {
        throw CheckpointError("it takes \(range.count) bytes, which is not what its shape \(shape) needs")
      }
      let attributes = try CheckpointAttributes(of: header)
      crc = UInt32(truncatingIfNeeded: try attributes.number(CheckpointLayout.checksumAttribute, .uint32))
    } catch {
      throw error.within(path)
    }
  }

  /// The bytes of the data in the file.
  private static func range(_ header: HDF5ObjectHeader, byteCount: Int) throws(CheckpointError) -> Range<Int> {
    guard !header.has(.externalFiles) else { throw CheckpointError("its data are in another file: refused") }
    let message = try header.only(.layout)
    let storage = try CheckpointError.reading { () throws(HDF5Error) in try HDF5Storage(message, rank: 0) }
    guard case .contiguous(let offset, let count) = storage, !header.has(.filters) else {
      throw CheckpointError("it is chunked, compact or virtual: refused, a checkpoint's data are contiguous")
    }
    guard offset != HDF5Block.undefined else { throw CheckpointError("it has no data") }
    guard count > 0, offset <= UInt64(byteCount), count <= UInt64(byteCount) - offset else {
      throw CheckpointError("it states \(count) bytes at byte \(offset) of \(byteCount)")
    }
    return Int(offset)..<Int(offset + count)
  }

  private static func shape(_ header: HDF5ObjectHeader) throws(CheckpointError) -> TensorShape {
    let message = try header.only(.dataspace)
    switch try CheckpointError.reading({ () throws(HDF5Error) in try HDF5Dataspace(message) }) {
    case .scalar: return .scalar
    case .null: throw CheckpointError("it is empty")
    case .simple(let extents):
      guard let shape = TensorShape(checking: extents.map { Int(clamping: $0) }) else {
        throw CheckpointError("it states the shape \(extents), which no tensor has")
      }
      return shape
    }
  }
}

extension HDF5ObjectHeader {
  /// The one message of its kind.
  func only(_ kind: Kind) throws(CheckpointError) -> HDF5Block {
    let found = all(kind)
    guard found.count == 1 else { throw CheckpointError("expected one \(kind) message, found \(found.count)") }
    return found[0]
  }
}
