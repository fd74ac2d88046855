import JSON

/// A safetensors header, not yet checked against its file.
struct SafetensorsHeader {
  struct Tensor {
    let name: String
    let type: String
    let shape: [Int]
    let begin: Int
    let end: Int
  }

  let tensors: [Tensor]
  let metadata: [String: String]

  /// Parses the one form that the format allows; missing, unknown or duplicate keys, signs and fractions are errors.
  init(_ bytes: [UInt8]) throws(CheckpointError) {
    guard bytes.first == UInt8(ascii: "{") else { throw Self.malformed("expected \"{\" as the first byte") }
    guard bytes.last(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "}") else {
      throw Self.malformed("expected only spaces after the closing brace")
    }
    let json: JSON
    do {
      json = try JSONParser.parse(bytes.span)
    } catch {
      throw Self.malformed("\(error)")
    }
    var tensors: [Tensor] = []
    var metadata: [String: String] = [:]
    for member in json.members ?? [] {
      guard member.key == Safetensors.metadataKey else {
        tensors.append(try Self.tensor(member))
        continue
      }
      guard let entries = member.value.members else { throw Self.malformed("the metadata are not an object") }
      for entry in entries {
        guard let text = entry.value.string else { throw Self.malformed("the metadata \"\(entry.key)\" are no text") }
        metadata[entry.key] = text
      }
    }
    self.tensors = tensors
    self.metadata = metadata
  }

  private static func tensor(_ member: JSON.Member) throws(CheckpointError) -> Tensor {
    let json = member.value
    guard let type = json["dtype"]?.string, let shape = json["shape"]?.counts, shape.count <= mostDimensions,
      let offsets = json["data_offsets"]?.counts, offsets.count == 2, json.members?.count == 3
    else { throw malformed("\"\(member.key)\" needs dtype, shape and two data_offsets, and nothing else") }
    return Tensor(name: member.key, type: type, shape: shape, begin: offsets[0], end: offsets[1])
  }

  /// More extents than any tensor has.
  private static let mostDimensions = 32

  private static func malformed(_ description: String) -> CheckpointError {
    CheckpointError("the header is malformed: \(description)")
  }
}

extension JSON {
  /// An array of whole numbers.
  fileprivate var counts: [Int]? {
    guard let array else { return nil }
    let counts = array.compactMap(\.count)
    return counts.count == array.count ? counts : nil
  }
}
