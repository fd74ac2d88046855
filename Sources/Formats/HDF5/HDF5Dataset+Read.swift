import Tensors

extension HDF5Dataset {
  /// Unsigned bytes as they are.
  package func readBytes() throws(HDF5Error) -> [UInt8] {
    precondition(kind == .bytes)
    return try content()
  }

  package func readFloats() throws(HDF5Error) -> [Float] {
    let bytes = try content()
    return switch type {
    case .float(2, _): decode(bytes, UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .float(4, _): decode(bytes, UInt32.self) { Float(bitPattern: $0) }
    case .float: decode(bytes, UInt64.self) { Float(Double(bitPattern: $0)) }
    default: try integers(bytes).map { Float($0) }
    }
  }

  /// Whole numbers; those above `Int64.max` are refused.
  package func readIntegers() throws(HDF5Error) -> [Int64] { try integers(try content()) }

  private func integers(_ bytes: [UInt8]) throws(HDF5Error) -> [Int64] {
    switch type {
    case .integer(1, true, _): return decode(bytes, UInt8.self) { Int64(Int8(bitPattern: $0)) }
    case .integer(2, true, _): return decode(bytes, UInt16.self) { Int64(Int16(bitPattern: $0)) }
    case .integer(4, true, _): return decode(bytes, UInt32.self) { Int64(Int32(bitPattern: $0)) }
    case .integer(_, true, _): return decode(bytes, UInt64.self) { Int64(bitPattern: $0) }
    case .integer(1, _, _): return decode(bytes, UInt8.self) { Int64($0) }
    case .integer(2, _, _): return decode(bytes, UInt16.self) { Int64($0) }
    case .integer(4, _, _): return decode(bytes, UInt32.self) { Int64($0) }
    default:
      let values = decode(bytes, UInt64.self) { Int64(clamping: $0) }
      if let bad = values.firstIndex(of: .max) {
        throw refused("element \(bad) below 2⁶³", "a larger one")
      }
      return values
    }
  }

  private func decode<Word: FixedWidthInteger & BitwiseCopyable, Value>(
    _ bytes: [UInt8], _ word: Word.Type, _ value: (Word) -> Value
  ) -> [Value] {
    let isBigEndian = type.isBigEndian
    return (0..<shape.elementCount).map { index in
      let word = bytes.span.bytes.word(index, as: Word.self)
      return value(isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word))
    }
  }

  func refused(_ expected: String, _ found: String) -> HDF5Error {
    .flaw(
      expected, found, at: "dataset \(HDF5Error.quoted(name))", advice: "the file is damaged or partly unwritten")
  }

  /// All elements as they lie in the file, in order.
  private func content() throws(HDF5Error) -> [UInt8] {
    switch storage {
    case .compact(let bytes):
      guard bytes.count == byteCount else { throw refused("\(byteCount) bytes", "\(bytes.count)") }
      return bytes
    case .contiguous(let address, _):
      guard address != HDF5Block.undefined else { throw refused("\(shape) elements", "none written") }
      return try file.block(at: address, count: UInt64(byteCount)).bytes
    case .single(let address, let storedBytes, let chunk):
      let grid = try HDF5ChunkGrid(dataset: self, chunk: chunk)
      var content = [UInt8](repeating: 0, count: byteCount)
      let stored = try file.block(at: address, count: storedBytes ?? UInt64(grid.chunkBytes)).bytes
      try grid.place(
        try unpack(stored, mask: 0, chunkBytes: grid.chunkBytes), at: [Int](repeating: 0, count: shape.rank),
        in: &content)
      guard grid.chunkCount == 1 else { throw refused("one chunk", "\(grid.chunkCount)") }
      return content
    case .tree(let address, let chunk): return try treeContent(address, chunk)
    case .other: preconditionFailure("refused when the dataset was opened")
    }
  }

  private func treeContent(_ root: UInt64, _ chunk: [Int]) throws(HDF5Error) -> [UInt8] {
    let grid = try HDF5ChunkGrid(dataset: self, chunk: chunk)
    guard root != HDF5Block.undefined else { throw refused("\(shape) elements", "none written") }
    var content = [UInt8](repeating: 0, count: byteCount)
    var pending = [(address: root, parentLevel: UInt8?.none)]
    var visited: Set<UInt64> = []
    var placed: Set<Int> = []
    let word = HDF5Block.wordBytes
    let keyBytes = 8 + 8 * (shape.rank + 1)
    let headBytes: UInt64 = 24
    while let node = pending.popLast() {
      // A node has at least one entry, so there are fewer nodes than twice the chunks.
      guard visited.insert(node.address).inserted, visited.count <= 2 * grid.chunkCount + 1 else {
        throw refused("a tree of chunks", "a circle or too many nodes")
      }
      var head = try file.block(at: node.address, count: headBytes)
      try head.expect("TREE")
      let kind = try head.byte()
      let level = try head.byte()
      let entries = try head.number(2)
      guard kind == 1, node.parentLevel == nil || node.parentLevel == level &+ 1 else {
        throw head.damaged("a tree of chunks", "node type \(kind) of level \(level)")
      }
      var block = try file.block(at: node.address + headBytes, count: entries * UInt64(keyBytes + word))
      for _ in 0..<entries {
        let storedBytes = try block.number(4)
        let mask = try block.number(4)
        var offsets: [Int] = []
        for _ in 0..<shape.rank { offsets.append(Int(clamping: try block.number(8))) }
        try block.skip(8)
        let child = try block.number(word)
        guard level == 0 else {
          pending.append((child, level))
          continue
        }
        guard let number = grid.number(of: offsets), placed.insert(number).inserted else {
          throw block.damaged("a chunk of \(shape) once", "one at \(offsets)")
        }
        let stored = try file.block(at: child, count: storedBytes).bytes
        try grid.place(try unpack(stored, mask: mask, chunkBytes: grid.chunkBytes), at: offsets, in: &content)
      }
    }
    guard placed.count == grid.chunkCount else { throw refused("\(grid.chunkCount) chunks", "\(placed.count)") }
    return content
  }
}
