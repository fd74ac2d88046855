import Files
import Tensors

/// The bytes of a checkpoint file in order: encoded HDF5 structures, and the tensors in their own memory.
///
/// The HDF5 library takes no part. Writing through it would cost a second copy of every tensor and a lock, and version
/// 1.10 leaves broken files and open handles behind on a full disk. A checkpoint needs five structures of its format.
struct CheckpointImage {
  enum Content {
    case structure([UInt8])
    case text([UInt8], crc: UInt32)
    case tensor(TensorSlice, crc: UInt32)
  }

  struct Segment {
    let path: String
    let offset: Int
    let content: Content
  }

  let byteCount: Int
  /// Without gaps or overlap, from byte 0 to `byteCount`.
  let segments: [Segment]

  /// Reads every tensor once, for its checksum.
  init(_ tensors: [CheckpointTensor], metadata: CheckpointMetadata) throws(CheckpointError) {
    (byteCount, segments) = try CheckpointEncoder(tensors, metadata: metadata).encode()
  }
}

extension CheckpointImage.Segment {
  var byteCount: Int { withBytes { $0.byteCount } }

  /// The checksum of the bytes; those of texts and tensors are attributes in the file.
  var crc: UInt32 {
    switch content {
    case .structure(let bytes): CRC32C.checksum(bytes.span.bytes)
    case .text(_, let crc), .tensor(_, let crc): crc
    }
  }

  func withBytes<Result, Failure>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
    switch content {
    case .structure(let bytes), .text(let bytes, _): try body(bytes.span.bytes)
    case .tensor(let slice, _): try body(slice.bytes)
    }
  }
}
