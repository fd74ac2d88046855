/// A small value at a group or dataset.
package struct HDF5Attribute {
  package let name: String
  package let type: HDF5Datatype
  package let space: HDF5Dataspace
  package let value: HDF5Block

  /// Source: the format specification, IV.A.2.m, version 3.
  package init(_ message: HDF5Block) throws(HDF5Error) {
    var fields = message
    let version = try fields.byte()
    let flags = try fields.byte()
    guard version == 3, flags == 0 else {
      throw fields.damaged("an attribute of version 3 without flags", "version \(version), flags \(flags)")
    }
    let nameBytes = Int(try fields.number(2))
    let typeBytes = Int(try fields.number(2))
    let spaceBytes = Int(try fields.number(2))
    try fields.skip(1)
    guard let name = String(validating: try fields.take(nameBytes).dropLast(), as: UTF8.self) else {
      throw fields.damaged("an attribute's name in UTF-8", "another text")
    }
    self.name = name
    type = try HDF5Datatype(fields.block(typeBytes))
    space = try HDF5Dataspace(fields.block(spaceBytes))
    value = try fields.block(fields.remaining)
  }
}
