import Files
import Formats
import Foundation
import JSON
import Tensors

extension Safetensors {
  /// Writes tensors under their paths, in the order of the reference writer: wider types first, then by name.
  ///
  /// The file has its name only when it is complete and on the disk. A file of this name is not overwritten.
  ///
  /// - Parameter metadata: any texts; PyTorch loaders look for `format` = `pt`.
  package static func write(
    _ tensors: [CheckpointTensor], metadata: [String: String] = [:], to url: URL, calls: FileSystemCalls = .real
  ) throws(CheckpointError) {
    let exists = try CheckpointError.files { () throws(FileError) in try calls.exists(url.path) }
    guard !exists else {
      throw CheckpointError("\(url.path) exists and is not overwritten: remove it or choose another name")
    }
    let ordered = tensors.sorted {
      order($0.slice.type) != order($1.slice.type)
        ? order($0.slice.type) < order($1.slice.type) : $0.path.utf8.lexicographicallyPrecedes($1.path.utf8)
    }
    let header = try header(of: ordered, metadata: metadata)
    try CheckpointError.files { () throws(FileError) in
      var file = try ReplacementFile(for: url.path, leftovers: .removed, calls: calls)
      try file.write(header.span.bytes)
      for tensor in ordered { try file.write(tensor.slice.bytes) }
      try file.commit()
    }
  }

  /// The reference writer's order of types.
  private static func order(_ type: ElementType) -> Int {
    switch type {
    case .float32: 0
    case .int32: 1
    case .bfloat16: 2
    }
  }

  private static func header(
    of tensors: [CheckpointTensor], metadata: [String: String]
  ) throws(CheckpointError) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }.map { "\(JSON.quoted($0.key)):\(JSON.quoted($0.value))" }
      members.append("\(JSON.quoted(metadataKey)):{\(texts.joined(separator: ","))}")
    }
    var names: Set<String> = [metadataKey]
    var offset = 0
    for tensor in tensors {
      guard names.insert(tensor.path).inserted else {
        throw CheckpointError("two tensors cannot both be called \(tensor.path) in a safetensors file")
      }
      let shape = tensor.shape.dimensions.map(String.init).joined(separator: ",")
      let end = offset + tensor.slice.byteCount
      members.append(
        "\(JSON.quoted(tensor.path)):{\"dtype\":\"\(DataType(tensor.slice.type).rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: 0x20, count: (alignment - json.count % alignment) % alignment)
    guard json.count <= largestHeader else {
      throw CheckpointError("the safetensors header would have \(json.count) bytes, \(largestHeader) are allowed")
    }
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}
