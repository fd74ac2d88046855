/// The extents of a dataset or an attribute.
package enum HDF5Dataspace: Equatable {
  case scalar, null
  case simple([UInt64])

  /// Source: the format specification, IV.A.2.b.
  package init(_ message: HDF5Block) throws(HDF5Error) {
    var fields = message
    let version = try fields.byte()
    guard version == 1 || version == 2 else { throw fields.damaged("a shape of version 1 or 2", "\(version)") }
    let rank = Int(try fields.byte())
    try fields.skip(1)
    let type = try fields.byte()
    if version == 1 { try fields.skip(4) }
    // The type is a field of version 2 only: 0 is a scalar, 1 has extents, 2 holds nothing.
    guard type != 1 || version == 1 || rank > 0 else { throw fields.damaged("extents", "none") }
    switch (version, type) {
    case (2, 2): self = .null
    case (1, _) where rank == 0, (2, 0) where rank == 0: self = .scalar
    case (1, _), (2, 1):
      var extents: [UInt64] = []
      for _ in 0..<rank { extents.append(try fields.word()) }
      self = .simple(extents)
    default: throw fields.damaged("a shape", "type \(type) of \(rank) dimensions")
    }
  }
}
