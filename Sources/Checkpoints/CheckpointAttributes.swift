import Formats

/// The attributes of a group or dataset by their names.
struct CheckpointAttributes {
  private var attributes: [String: HDF5Attribute] = [:]

  init(of header: HDF5ObjectHeader) throws(CheckpointError) {
    for message in header.all(.attribute) {
      let attribute = try CheckpointError.reading { () throws(HDF5Error) in try HDF5Attribute(message) }
      guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
        throw CheckpointError("the attribute \(attribute.name) occurs twice")
      }
    }
  }

  func attribute(_ name: String) throws(CheckpointError) -> HDF5Attribute {
    guard let attribute = attributes[name] else { throw CheckpointError("the attribute \(name) is missing") }
    return attribute
  }

  /// The scalar attribute `name` of exactly this type, as a little-endian number.
  func number(_ name: String, _ type: HDF5Datatype) throws(CheckpointError) -> UInt64 {
    let attribute = try attribute(name)
    guard attribute.space == .scalar else { throw CheckpointError("the attribute \(name) is not a single value") }
    guard attribute.type == type, attribute.value.remaining == type.byteCount else {
      throw CheckpointError("the attribute \(name) has another type than expected")
    }
    return try CheckpointError.reading { () throws(HDF5Error) in
      var value = attribute.value
      return try value.number(value.remaining)
    }
  }
}
