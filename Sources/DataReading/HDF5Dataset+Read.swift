import Arenas
import CZlib

extension HDF5Dataset {
  /// Unsigned bytes as they are.
  func readBytes() throws(DataError) -> [UInt8] {
    precondition(kind == .bytes)
    return try content()
  }

  func readFloats() throws(DataError) -> [Float] {
    let bytes = try content()
    return switch (format.kind, format.byteCount) {
    case (.float, 2): decode(bytes, UInt16.self) { Float(Float16(bitPattern: $0)) }
    case (.float, 4): decode(bytes, UInt32.self) { Float(bitPattern: $0) }
    case (.float, _): decode(bytes, UInt64.self) { Float(Double(bitPattern: $0)) }
    default: try integers(bytes).map { Float($0) }
    }
  }

  /// Whole numbers; those above `Int64.max` are refused.
  func readIntegers() throws(DataError) -> [Int64] { try integers(try content()) }

  private func integers(_ bytes: [UInt8]) throws(DataError) -> [Int64] {
    switch (format.kind, format.byteCount) {
    case (.signed, 1): return decode(bytes, UInt8.self) { Int64(Int8(bitPattern: $0)) }
    case (.signed, 2): return decode(bytes, UInt16.self) { Int64(Int16(bitPattern: $0)) }
    case (.signed, 4): return decode(bytes, UInt32.self) { Int64(Int32(bitPattern: $0)) }
    case (.signed, _): return decode(bytes, UInt64.self) { Int64(bitPattern: $0) }
    case (_, 1): return decode(bytes, UInt8.self) { Int64($0) }
    case (_, 2): return decode(bytes, UInt16.self) { Int64($0) }
    case (_, 4): return decode(bytes, UInt32.self) { Int64($0) }
    default:
      let values = decode(bytes, UInt64.self) { Int64(clamping: $0) }
      if let bad = values.firstIndex(of: .max) {
        throw refused("element \(bad) below 2⁶³", "a larger one")
      }
      return values
    }
  }

  private func decode<Word: FixedWidthInteger & BitwiseCopyable, Value>(
    _ bytes: [UInt8], _ type: Word.Type, _ value: (Word) -> Value
  ) -> [Value] {
    bytes.withUnsafeBytes { raw in
      (0..<shape.elementCount).map { index in
        let word = raw.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
        return value(format.isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word))
      }
    }
  }

  func refused(_ expected: String, _ found: String) -> DataError {
    DataError(
      path, at: "dataset \(DataError.quoted(name))", expected: expected, found: found,
      advice: "the file is damaged or partly unwritten")
  }

  /// All elements as they lie in the file, in order.
  private func content() throws(DataError) -> [UInt8] {
    switch storage {
    case .bytes(let bytes):
      guard bytes.count == byteCount else { throw refused("\(byteCount) bytes", "\(bytes.count)") }
      return bytes
    case .contiguous(let address):
      guard address != HDF5File.undefined else { throw refused("\(shape) elements", "none written") }
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
    }
  }

  private func treeContent(_ root: UInt64, _ chunk: [Int]) throws(DataError) -> [UInt8] {
    let grid = try HDF5ChunkGrid(dataset: self, chunk: chunk)
    guard root != HDF5File.undefined else { throw refused("\(shape) elements", "none written") }
    var content = [UInt8](repeating: 0, count: byteCount)
    var pending = [(address: root, parentLevel: UInt8?.none)]
    var visited: Set<UInt64> = []
    var placed: Set<Int> = []
    let word = HDF5File.wordBytes
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

  /// Undoes the filters of a chunk; bit i of `mask` says that filter i was left out.
  private func unpack(_ stored: [UInt8], mask: UInt64, chunkBytes: Int) throws(DataError) -> [UInt8] {
    var bytes = stored
    for (position, filter) in filters.enumerated().reversed() where mask >> UInt64(position) & 1 == 0 {
      switch filter {
      case .fletcher32:
        let checksumBytes = 4
        guard bytes.count >= checksumBytes else { throw refused("a chunk with its checksum", "\(bytes.count) bytes") }
        bytes.removeLast(checksumBytes)
      case .deflate: bytes = try inflated(bytes, chunkBytes: chunkBytes)
      case .shuffle: bytes = unshuffled(bytes)
      }
    }
    guard bytes.count == chunkBytes else { throw refused("chunks of \(chunkBytes) bytes", "one of \(bytes.count)") }
    return bytes
  }

  private func inflated(_ packed: [UInt8], chunkBytes: Int) throws(DataError) -> [UInt8] {
    let checksumRoom = 4
    var status: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: chunkBytes + checksumRoom) { buffer, filled in
      var count = uLongf(buffer.count)
      status = uncompress(buffer.baseAddress, &count, packed, uLong(packed.count))
      filled = status == Z_OK ? Int(count) : 0
    }
    guard status == Z_OK else { throw refused("gzip data of \(chunkBytes) bytes", "zlib error \(status)") }
    return bytes
  }

  /// Byte 0 of all elements, then byte 1, …, put back together.
  private func unshuffled(_ bytes: [UInt8]) -> [UInt8] {
    let width = format.byteCount
    let count = bytes.count / width
    var plain = bytes
    for element in 0..<count {
      for byte in 0..<width { plain[element * width + byte] = bytes[byte * count + element] }
    }
    return plain
  }
}
