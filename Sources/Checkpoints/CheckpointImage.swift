import Files
import Formats
import Tensors

/// The bytes of a checkpoint file in order: the structures that the HDF5 library makes, and the tensors in their own
/// memory.
///
/// The library writes into `HDF5Image`, which takes structures only: so no tensor is copied, the size of the file is
/// known before its first byte is written, and every system call is one of `FileSystemCalls`.
struct CheckpointImage {
  enum Content {
    case structure([UInt8])
    case text([UInt8])
    case tensor(TensorSlice)
  }

  struct Segment {
    let offset: Int
    let content: Content
    /// Of the bytes.
    let crc: UInt32
  }

  let byteCount: Int
  /// Without gaps or overlap, from byte 0 to `byteCount`.
  let segments: [Segment]

  /// Reads every tensor once, for its checksum.
  init(_ tensors: [CheckpointTensor], metadata: CheckpointMetadata) throws(CheckpointError) {
    let datasets =
      tensors.map { Dataset($0) } + metadata.presentTexts.map { Dataset(text: $0.text, name: $0.name) }
    var data: [Segment] = []
    let image: HDF5Image
    do throws(HDF5Error) {
      image = try HDF5Image { (writer) throws(HDF5Error) in
        try writer.attribute(CheckpointLayout.formatAttribute, text: CheckpointLayout.format)
        try writer.attribute(CheckpointLayout.versionAttribute, .int32, value: CheckpointLayout.version)
        try writer.attribute(CheckpointLayout.stepAttribute, .int64, value: Int64(metadata.step))
        for (path, members) in Self.groups(of: datasets.map(\.path)) {
          try writer.makeGroup(path, members: (members.count, members.reduce(0) { $0 + $1.utf8.count }))
        }
        for dataset in datasets { data.append(try dataset.write(with: writer)) }
      }
    } catch {
      throw CheckpointError(error)
    }
    byteCount = image.byteCount
    segments = Self.segments(of: image, data: data.sorted { $0.offset < $1.offset })
  }

  /// The groups that hold `paths`, outer ones first, and the names in each.
  private static func groups(of paths: [String]) -> [(path: String, members: Set<String>)] {
    var members: [String: Set<String>] = [:]
    for path in paths {
      let parts = path.split(separator: "/").map(String.init)
      for depth in 1..<max(parts.count, 1) {
        members[parts[..<depth].joined(separator: "/"), default: []].insert(parts[depth])
      }
    }
    return members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The data and the structures between them.
  private static func segments(of image: HDF5Image, data: [Segment]) -> [Segment] {
    var segments: [Segment] = []
    var end = 0
    func addStructures(to next: Int) {
      guard next > end else { return }
      let bytes = image.structures(in: end..<next)
      segments.append(Segment(offset: end, content: .structure(bytes), crc: CRC32C.checksum(bytes.span.bytes)))
    }
    for segment in data {
      addStructures(to: segment.offset)
      segments.append(segment)
      end = segment.offset + segment.byteCount
    }
    addStructures(to: image.byteCount)
    return segments
  }

  /// A tensor or text on its way into the file.
  private struct Dataset {
    let path: String
    let type: HDF5ElementType
    let extents: [Int]
    let content: Content

    init(_ tensor: CheckpointTensor) {
      path = tensor.path
      type = tensor.slice.type == .int32 ? .int32 : .float32
      extents = tensor.shape.dimensions
      content = .tensor(tensor.slice)
    }

    init(text: String, name: String) {
      // HDF5 has no text of no bytes: an empty one is one byte of padding.
      let bytes = text.isEmpty ? [0] : Array(text.utf8)
      path = "\(CheckpointLayout.textGroup)/\(name)"
      type = .text(byteCount: bytes.count)
      extents = []
      content = .text(bytes)
    }

    func write(with writer: HDF5ImageWriter) throws(HDF5Error) -> Segment {
      try content.withBytes { (bytes) throws(HDF5Error) in
        let crc = CRC32C.checksum(bytes)
        let range = try writer.write(
          path, type, extents: extents, checksum: (CheckpointLayout.checksumAttribute, crc), bytes: bytes)
        return Segment(offset: range.lowerBound, content: content, crc: crc)
      }
    }
  }
}

extension CheckpointImage.Content {
  func withBytes<Result, Failure>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
    switch self {
    case .structure(let bytes), .text(let bytes): try body(bytes.span.bytes)
    case .tensor(let slice): try body(slice.bytes)
    }
  }
}

extension CheckpointImage.Segment {
  var byteCount: Int { content.withBytes { $0.byteCount } }
}
