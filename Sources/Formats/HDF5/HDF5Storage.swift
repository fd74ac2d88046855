/// Where the elements of a dataset lie.
package enum HDF5Storage {
  /// In the header itself.
  case compact([UInt8])
  case contiguous(address: UInt64, byteCount: UInt64)
  /// Chunks indexed by a B-tree of version 1.
  case tree(address: UInt64, chunk: [Int])
  case single(address: UInt64, storedBytes: UInt64?, chunk: [Int])
  /// Not read here; said in words.
  case other(String)

  /// Source: the format specification, IV.A.2.i, versions 3 and 4.
  package init(_ message: HDF5Block, rank: Int) throws(HDF5Error) {
    var block = message
    let version = try block.byte()
    guard version == 3 || version == 4 else {
      self = .other("layout version \(version)")
      return
    }
    switch try block.byte() {
    case 0:
      let count = Int(try block.number(2))
      self = .compact(Array(try block.take(count)))
    case 1: self = .contiguous(address: try block.word(), byteCount: try block.word())
    case 2: self = try version == 3 ? Self.tree(&block, rank: rank) : Self.single(&block, rank: rank)
    case 3: self = .other("a virtual dataset")
    case let kind: self = .other("layout class \(kind)")
    }
  }

  private static func tree(_ block: inout HDF5Block, rank: Int) throws(HDF5Error) -> HDF5Storage {
    let dimensionality = Int(try block.byte())
    guard dimensionality == rank + 1 else { return .other("chunks of \(dimensionality - 1) dimensions") }
    let address = try block.word()
    var chunk: [Int] = []
    for _ in 0..<rank { chunk.append(Int(try block.number(4))) }
    return .tree(address: address, chunk: chunk)
  }

  private static func single(_ block: inout HDF5Block, rank: Int) throws(HDF5Error) -> HDF5Storage {
    let flags = try block.byte()
    let dimensionality = Int(try block.byte())
    let extentBytes = Int(try block.byte())
    guard dimensionality == rank + 1, (1...8).contains(extentBytes) else { return .other("chunks of another rank") }
    var chunk: [Int] = []
    for _ in 0..<rank { chunk.append(Int(clamping: try block.number(extentBytes))) }
    try block.skip(extentBytes)
    guard try block.byte() == 1 else { return .other("a newer chunk index") }
    let isFiltered = flags & 0x02 != 0
    let stored = isFiltered ? try block.word() : nil
    if isFiltered { try block.skip(4) }
    return .single(address: try block.word(), storedBytes: stored, chunk: chunk)
  }
}
