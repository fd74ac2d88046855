/// What was done to the bytes of chunks when they were written.
enum HDF5Filter {
  case deflate, shuffle, fletcher32

  /// In the order in which they were applied. Source: the format specification, IV.A.2.l.
  static func all(_ message: HDF5Block, at place: String) throws(HDF5Error) -> [HDF5Filter] {
    var block = message
    let version = try block.byte()
    let count = try block.byte()
    if version == 1 { try block.skip(6) }
    var filters: [HDF5Filter] = []
    for _ in 0..<count {
      let number = try block.number(2)
      let nameBytes = version == 1 || number >= 256 ? Int(try block.number(2)) : 0
      try block.skip(2)
      let values = Int(try block.number(2))
      try block.skip(version == 1 ? (nameBytes + 7) / 8 * 8 : nameBytes)
      try block.skip(4 * (version == 1 ? (values + 1) / 2 * 2 : values))
      switch number {
      case 1: filters.append(.deflate)
      case 2: filters.append(.shuffle)
      case 3: filters.append(.fletcher32)
      default:
        throw .flaw(
          "gzip, shuffle or fletcher32 filters", "filter number \(number)", at: place,
          advice: "store it with gzip or plainly")
      }
    }
    return filters
  }
}
