import Files
import Foundation
import Tensors

extension Safetensors {
  /// The tensors and texts of a file, after checks of its header against the format and the file's size.
  package static func contents(at url: URL, calls: FileSystemCalls = .real) throws(CheckpointError) -> Contents {
    try contents(of: CheckpointError.files { () throws(FileError) in try calls.open(url.path) }, calls: calls)
  }

  /// Fills tensors from a file: names and shapes must agree, and types, except that bfloat16 and float16 fill float32.
  package static func read(
    at url: URL, into tensors: [CheckpointTensor], match: CheckpointFile.Match = .exact, calls: FileSystemCalls = .real
  ) throws(CheckpointError) -> Contents {
    let file = try CheckpointError.files { () throws(FileError) in try calls.open(url.path) }
    let contents = try contents(of: file, calls: calls)
    let pairing = TensorPairing<Entry>(match: match) { entry, tensor in
      if entry.dimensions != tensor.shape.dimensions {
        return "is \(entry.dimensions) in the file, \(tensor.shape) here"
      }
      return canFill(tensor.slice.type, from: entry.type)
        ? nil : "is \(entry.type.rawValue) in the file, \(tensor.slice.type) here"
    }
    let entries = try pairing.pairs(of: tensors, in: contents.entries.map { ($0.name, $0) }, url: url)
    for (tensor, entry) in zip(tensors, entries) { try fill(tensor.slice, from: entry, of: file, calls: calls) }
    return contents
  }

  private static func contents(
    of file: borrowing OpenFile, calls: FileSystemCalls
  ) throws(CheckpointError) -> Contents {
    let path = file.path
    let byteCount = try CheckpointError.files { () throws(FileError) in try calls.size(of: file) }
    guard byteCount >= lengthBytes else {
      throw CheckpointError(
        "\(path) is not a safetensors file: it has \(byteCount) bytes, at least \(lengthBytes) were expected")
    }
    func bytes(_ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
      try CheckpointError.files { () throws(FileError) in try calls.bytes(of: file, in: range) }
    }
    let length = try bytes(0..<lengthBytes).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let longest = min(largestHeader, byteCount - lengthBytes)
    guard length >= 2, length <= UInt64(longest) else {
      throw CheckpointError("\(path): the header would have \(length) bytes, 2 to \(longest) were expected")
    }
    let dataStart = lengthBytes + Int(length)
    let header: SafetensorsHeader
    do {
      header = try SafetensorsHeader(bytes(lengthBytes..<dataStart))
    } catch {
      throw error.within(path)
    }
    return Contents(
      entries: try entries(of: header, dataStart: dataStart, byteCount: byteCount, path: path),
      metadata: header.metadata)
  }

  /// Checks types, extents and offsets, and that the tensors cover the rest of the file exactly once.
  private static func entries(
    of header: SafetensorsHeader, dataStart: Int, byteCount: Int, path: String
  ) throws(CheckpointError) -> [Entry] {
    let dataBytes = byteCount - dataStart
    var entries: [Entry] = []
    entries.reserveCapacity(header.tensors.count)
    for tensor in header.tensors {
      guard let type = DataType(rawValue: tensor.type) else {
        throw CheckpointError("\(path): \(tensor.name) has the unknown dtype \"\(tensor.type)\"")
      }
      var bytes = type.byteCount
      for extent in tensor.shape {
        let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
        guard !overflow else {
          throw CheckpointError("\(path): \(tensor.name) has the impossible shape \(tensor.shape)")
        }
        bytes = product
      }
      guard tensor.begin <= tensor.end, tensor.end <= dataBytes, tensor.end - tensor.begin == bytes else {
        throw CheckpointError(
          "\(path): \(tensor.name) has data_offsets [\(tensor.begin), \(tensor.end)],"
            + " expected \(bytes) bytes within \(dataBytes)"
        )
      }
      let range = dataStart + tensor.begin..<dataStart + tensor.end
      entries.append(Entry(name: tensor.name, type: type, dimensions: tensor.shape, range: range))
    }
    entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    var position = dataStart
    for entry in entries {
      guard entry.range.lowerBound == position else {
        let flaw = entry.range.lowerBound > position ? "leaves a hole before" : "overlaps what precedes"
        throw CheckpointError("\(path): \(entry.name) \(flaw) byte \(entry.range.lowerBound)")
      }
      position = entry.range.upperBound
    }
    guard position == byteCount else {
      throw CheckpointError("\(path): \(byteCount - position) bytes after byte \(position) belong to no tensor")
    }
    return entries
  }

  private static func canFill(_ type: ElementType, from stored: DataType) -> Bool {
    stored == DataType(type) || type == .float32 && (stored == .bf16 || stored == .f16)
  }

  private static func fill(
    _ slice: TensorSlice, from entry: Entry, of file: borrowing OpenFile, calls: FileSystemCalls
  ) throws(CheckpointError) {
    if entry.type == DataType(slice.type) {
      return try CheckpointError.files { () throws(FileError) in
        var bytes = slice.mutableBytes
        try calls.read(&bytes, 0..<bytes.byteCount, from: file, at: entry.range.lowerBound)
      }
    }
    let isHalf = entry.type == .f16
    var block = FileBlock(byteCount: CheckpointFile.blockSize)
    try CheckpointError.files { () throws(FileError) in
      try block.forEach(of: file, in: entry.range, calls: calls) { bytes, offset in
        let first = (offset - entry.range.lowerBound) / 2
        var floats = slice.mutableFloats
        for index in 0..<bytes.byteCount / 2 {
          let bits = UInt16(littleEndian: bytes.word(index, as: UInt16.self))
          floats[first + index] = isHalf ? Float(Float16(bitPattern: bits)) : BFloat16(bits: bits).float
        }
      }
    }
  }
}
