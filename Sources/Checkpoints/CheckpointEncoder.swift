import Files
import Formats
import Tensors

/// Lays out one checkpoint file: superblock, headers of groups and datasets, then the data.
struct CheckpointEncoder {
  private struct Dataset {
    let path: String
    let type: HDF5Datatype
    let dimensions: [Int]
    let content: CheckpointImage.Content
    let crc: UInt32
    let byteCount: Int
  }

  /// A group or dataset; the root group comes first.
  private struct Object {
    var children: [(name: String, object: Int)] = []
    var dataset: Int?
    var header = 0..<0
  }

  private let metadata: CheckpointMetadata
  private var datasets: [Dataset] = []
  private var objects = [Object()]
  private var objectOfPath = ["": 0]

  private static let superblockBytes = 48
  private static let headerAlignment = 8
  /// HDF5's own reader takes headers up to 32 MiB.
  private static let largestHeader = 16 << 20

  /// Reads every tensor once, for its checksum.
  init(_ tensors: [CheckpointTensor], metadata: CheckpointMetadata) throws(CheckpointError) {
    self.metadata = metadata
    for tensor in tensors {
      let crc = CRC32C.checksum(tensor.slice.bytes)
      try add(
        Dataset(
          path: tensor.path, type: tensor.slice.type == .int32 ? .int32 : .float32,
          dimensions: tensor.shape.dimensions, content: .tensor(tensor.slice, crc: crc), crc: crc,
          byteCount: tensor.slice.byteCount))
    }
    for (name, text) in metadata.presentTexts {
      // HDF5 has no text of no bytes: an empty one is one byte of padding.
      let bytes = text.isEmpty ? [0] : Array(text.utf8)
      let crc = CRC32C.checksum(bytes.span.bytes)
      try add(
        Dataset(
          path: "\(CheckpointLayout.textGroup)/\(name)", type: .text(byteCount: bytes.count), dimensions: [],
          content: .text(bytes, crc: crc), crc: crc, byteCount: bytes.count))
    }
  }

  private mutating func add(_ dataset: Dataset) throws(CheckpointError) {
    var parent = 0
    var path = ""
    for part in dataset.path.split(separator: "/") {
      let name = String(part)
      path += path.isEmpty ? name : "/\(name)"
      if let object = objectOfPath[path] {
        guard path != dataset.path, objects[object].dataset == nil else {
          throw CheckpointError("\(path) would be a tensor and a group of tensors: rename one")
        }
        parent = object
      } else {
        objects[parent].children.append((name, objects.count))
        parent = objects.count
        objectOfPath[path] = parent
        objects.append(Object())
      }
    }
    objects[parent].dataset = datasets.count
    datasets.append(dataset)
  }

  /// The file in the order of its bytes.
  consuming func encode() throws(CheckpointError) -> (byteCount: Int, segments: [CheckpointImage.Segment]) {
    // First with every address 0, to learn the sizes, which do not depend on addresses.
    var position = Self.superblockBytes
    var offsets = [Int](repeating: 0, count: datasets.count)
    for index in objects.indices {
      let count = header(of: index, offsets: offsets).count
      guard count <= Self.largestHeader else {
        throw CheckpointError("a group with \(objects[index].children.count) members is too large: use several groups")
      }
      objects[index].header = position..<position + count
      position = aligned(position + count, to: Self.headerAlignment)
    }
    let structureBytes = position
    for index in datasets.indices {
      offsets[index] = aligned(position, to: Arena.alignment)
      position = offsets[index] + datasets[index].byteCount
    }

    var structures = superblock(byteCount: position)
    for index in objects.indices {
      pad(&structures, to: objects[index].header.lowerBound)
      structures += header(of: index, offsets: offsets)
    }
    pad(&structures, to: structureBytes)
    var segments = [CheckpointImage.Segment(path: "", offset: 0, content: .structure(structures))]
    var end = structureBytes
    for (dataset, offset) in zip(datasets, offsets) {
      if offset > end {
        let gap = [UInt8](repeating: 0, count: offset - end)
        segments.append(CheckpointImage.Segment(path: "", offset: end, content: .structure(gap)))
      }
      segments.append(CheckpointImage.Segment(path: dataset.path, offset: offset, content: dataset.content))
      end = offset + dataset.byteCount
    }
    return (position, segments)
  }

  /// Version 2. Source: the format specification, II.A.
  private func superblock(byteCount: Int) -> [UInt8] {
    let nowhere = [UInt8](repeating: 0xFF, count: 8)
    var bytes = CheckpointLayout.signature + [8, 8, 0] + HDF5Message.littleEndian(0, 8) + nowhere
    bytes += HDF5Message.littleEndian(byteCount, 8) + HDF5Message.littleEndian(objects[0].header.lowerBound, 8)
    return bytes + HDF5Message.littleEndian(jenkinsChecksum(bytes[...]), 4)
  }

  private func header(of object: Int, offsets: [Int]) -> [UInt8] {
    guard let index = objects[object].dataset else { return HDF5ObjectHeader.encoded(groupMessages(object)) }
    let dataset = datasets[index]
    return HDF5ObjectHeader.encoded([
      .dataspace(dataset.dimensions), .datatype(dataset.type), .fillValue,
      .layout(offset: offsets[index], byteCount: dataset.byteCount), .attributeInfo,
      .attribute(CheckpointLayout.checksumAttribute, .uint32, value: HDF5Message.littleEndian(dataset.crc, 4)),
    ])
  }

  private func groupMessages(_ group: Int) -> [HDF5Message] {
    var messages: [HDF5Message] = [.linkInfo, .groupInfo]
    if group == 0 {
      let format = Array(CheckpointLayout.format.utf8)
      messages += [
        .attributeInfo,
        .attribute(CheckpointLayout.formatAttribute, .text(byteCount: format.count), value: format),
        .attribute(
          CheckpointLayout.versionAttribute, .int32, value: HDF5Message.littleEndian(CheckpointLayout.version, 4)),
        .attribute(CheckpointLayout.stepAttribute, .int64, value: HDF5Message.littleEndian(metadata.step, 8)),
      ]
    }
    return messages + objects[group].children.map { .link($0.name, to: objects[$0.object].header.lowerBound) }
  }

  private func aligned(_ position: Int, to alignment: Int) -> Int { (position + alignment - 1) / alignment * alignment }

  private func pad(_ bytes: inout [UInt8], to count: Int) {
    bytes += [UInt8](repeating: 0, count: count - bytes.count)
  }
}
