import Arenas

/// A numeric dataset whose type, extents and storage have been checked, so that its elements can be read.
struct HDF5Dataset {
  struct ElementFormat {
    enum Kind { case signed, unsigned, float }
    var kind: Kind
    var byteCount: Int
    var isBigEndian: Bool
  }

  enum Filter { case deflate, shuffle, fletcher32 }

  enum Storage {
    case bytes([UInt8])
    case contiguous(address: UInt64)
    /// Chunks indexed by a B-tree of version 1.
    case tree(address: UInt64, chunk: [Int])
    case single(address: UInt64, storedBytes: UInt64?, chunk: [Int])
  }

  /// What the elements are for a data set.
  enum Kind { case bytes, integers, floats }

  let name: String
  let file: HDF5File
  /// Extents, the number of samples first.
  let shape: TensorShape
  let format: ElementFormat
  let storage: Storage
  /// In the order in which they were applied when writing.
  let filters: [Filter]

  static let largestRank = 5

  var path: String { file.path }
  var byteCount: Int { shape.elementCount * format.byteCount }

  var kind: Kind {
    switch format.kind {
    case .float: .floats
    case .unsigned where format.byteCount == 1: .bytes
    case .signed, .unsigned: .integers
    }
  }

  /// For people: "float64", "uint8", …
  var typeName: String {
    let word =
      switch format.kind {
      case .signed: "int"
      case .unsigned: "uint"
      case .float: "float"
      }
    return "\(word)\(format.byteCount * 8)"
  }

  init(header: HDF5ObjectHeader, name: String, file: HDF5File, limit: Int) throws(DataError) {
    self.name = name
    self.file = file
    let place = "dataset \(DataError.quoted(name))"
    guard let space = header.first(.dataspace), let type = header.first(.datatype), let layout = header.first(.layout)
    else { throw DataError(file.path, at: place, expected: "a dataset", found: "a group or damaged object") }
    guard header.first(.externalFiles) == nil else {
      throw DataError(
        file.path, at: place, expected: "data inside the file", found: "external storage",
        advice: "copy the data into the file")
    }
    guard !type.isShared, !space.isShared else {
      throw DataError(
        file.path, at: place, expected: "a type of its own", found: "a named data type", advice: HDF5File.advice)
    }
    shape = try Self.shape(space.block, place)
    format = try Self.format(type.block, place)
    filters =
      try header.first(.filters).map { (message) throws(DataError) in try Self.filters(message.block, place) } ?? []
    storage = try Self.storage(layout.block, rank: shape.rank, place)
    let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: format.byteCount)
    guard !overflow, bytes <= limit else {
      throw DataError(
        file.path, at: place, expected: "at most \(DataError.bytes(limit)) of elements", found: "\(typeName) \(shape)",
        advice: "raise max_bytes if the file is meant to be that large")
    }
    let ratio = filters.contains(.deflate) ? InputFile.bestDeflateRatio : 1
    let (most, isUnbounded) = file.file.size.multipliedReportingOverflow(by: ratio)
    guard isUnbounded || bytes <= most else {
      throw DataError(
        file.path, at: place, expected: "\(typeName) \(shape)", found: "a file of \(file.file.size) bytes",
        advice: "the file is truncated, damaged or partly unwritten")
    }
  }

  private static func shape(_ block: HDF5Block, _ place: String) throws(DataError) -> TensorShape {
    var block = block
    let version = try block.byte()
    let rank = Int(try block.byte())
    try block.skip(version == 1 ? 6 : 2)
    guard version == 1 || version == 2, (1...largestRank).contains(rank) else {
      throw DataError(
        block.path, at: place, expected: "1 to \(largestRank) dimensions, samples first", found: "\(rank)")
    }
    var extents: [Int] = []
    for _ in 0..<rank { extents.append(Int(clamping: try block.number(HDF5File.wordBytes))) }
    guard let shape = TensorShape(checking: extents) else {
      throw DataError(block.path, at: place, expected: "extents of at least 1", found: "\(extents)")
    }
    return shape
  }

  private static func format(_ block: HDF5Block, _ place: String) throws(DataError) -> ElementFormat {
    var block = block
    let kind = try block.byte() & 0x0F
    let bits = try block.number(3)
    let size = Int(try block.number(4))
    let offset = try block.number(2)
    let precision = try block.number(2)
    let isWhole = offset == 0 && precision == UInt64(size * 8)
    let isBigEndian = bits & 1 != 0
    if kind == 0, isWhole, [1, 2, 4, 8].contains(size) {
      return ElementFormat(kind: bits & 0x08 != 0 ? .signed : .unsigned, byteCount: size, isBigEndian: isBigEndian)
    }
    if kind == 1, isWhole, bits & 0x40 == 0 {
      try block.skip(1)
      let exponentBits = try block.byte()
      if [2: 5, 4: 8, 8: 11][size] == exponentBits {
        return ElementFormat(kind: .float, byteCount: size, isBigEndian: isBigEndian)
      }
    }
    throw DataError(
      block.path, at: place, expected: "integers of 8 to 64 bits or floats of 16 to 64", found: "another data type",
      advice: "store plain numbers")
  }

  private static func filters(_ block: HDF5Block, _ place: String) throws(DataError) -> [Filter] {
    var block = block
    let version = try block.byte()
    let count = try block.byte()
    if version == 1 { try block.skip(6) }
    var filters: [Filter] = []
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
        throw DataError(
          block.path, at: place, expected: "gzip, shuffle or fletcher32 filters", found: "filter number \(number)",
          advice: "store it with gzip or plainly")
      }
    }
    return filters
  }

  private static func storage(_ block: HDF5Block, rank: Int, _ place: String) throws(DataError) -> Storage {
    var block = block
    let word = HDF5File.wordBytes
    func refused(_ found: String) -> DataError {
      DataError(
        block.path, at: place, expected: "compact, contiguous or chunked storage in the file", found: found,
        advice: HDF5File.advice)
    }
    let version = try block.byte()
    guard version == 3 || version == 4 else { throw refused("layout version \(version)") }
    switch try block.byte() {
    case 0:
      let count = Int(try block.number(2))
      return .bytes(Array(try block.take(count)))
    case 1: return .contiguous(address: try block.number(word))
    case 2 where version == 3:
      let dimensionality = Int(try block.byte())
      guard dimensionality == rank + 1 else { throw refused("chunks of \(dimensionality - 1) dimensions") }
      let address = try block.number(word)
      var chunk: [Int] = []
      for _ in 0..<rank { chunk.append(Int(try block.number(4))) }
      return .tree(address: address, chunk: chunk)
    case 2:
      let flags = try block.byte()
      let dimensionality = Int(try block.byte())
      let extentBytes = Int(try block.byte())
      guard dimensionality == rank + 1, (1...8).contains(extentBytes) else { throw refused("chunks of another rank") }
      var chunk: [Int] = []
      for _ in 0..<rank { chunk.append(Int(clamping: try block.number(extentBytes))) }
      try block.skip(extentBytes)
      guard try block.byte() == 1 else { throw refused("a newer chunk index") }
      let isFiltered = flags & 0x02 != 0
      let stored = isFiltered ? try block.number(word) : nil
      if isFiltered { try block.skip(4) }
      return .single(address: try block.number(word), storedBytes: stored, chunk: chunk)
    case 3: throw refused("a virtual dataset")
    case let kind: throw refused("layout class \(kind)")
    }
  }
}
