import Files
import Tensors

/// A dataset whose type, extents and storage have been checked, so that its elements can be read.
package struct HDF5Dataset {
  /// What the elements are for a data set.
  package enum Kind { case bytes, integers, floats, texts }

  package let name: String
  package let kind: Kind
  package let type: HDF5Datatype
  /// Extents, the number of samples first.
  package let shape: TensorShape
  private let file: HDF5File
  private let storage: HDF5Storage

  private static let largestRank = 5
  /// The most bytes that gzip packs into one.
  private static let bestRatio = 1_032
  private static let scaleOffset = 6
  /// Bytes of elements that are handed over at once.
  private static let pieceBytes = 16 << 20

  /// Bytes of the elements in the file, unpacked.
  package var byteCount: Int { shape.elementCount * max(1, type.byteCount) }

  init(_ object: HDF5Object, of file: HDF5File) throws(HDF5Error) {
    self.file = file
    name = object.path
    let place = "dataset \(MessageText.quoted(object.path))"
    guard object.kind == .dataset, let type = object.type, let storage = object.storage else {
      throw HDF5Error("a dataset", "a group or damaged object", at: place)
    }
    self.type = type
    self.storage = storage
    switch type.valueClass {
    case .integer where type.byteCount == 1 && !type.isSigned: kind = .bytes
    case .integer, .boolean, .enumeration: kind = .integers
    case .float: kind = .floats
    case .text: kind = .texts
    case .other:
      throw HDF5Error(
        "integers of 8 to 64 bits, floats of 16 to 64, Booleans or texts", "another data type", at: place,
        advice: "store plain numbers")
    }
    let extents = object.extents ?? []
    guard (1...Self.largestRank).contains(extents.count) else {
      throw HDF5Error("1 to \(Self.largestRank) dimensions, samples first", "\(extents.count)", at: place)
    }
    guard let shape = TensorShape(checking: extents) else {
      throw HDF5Error("extents of at least 1", "\(extents)", at: place)
    }
    self.shape = shape
    try checkStorage(at: place)
  }

  private func checkStorage(at place: String) throws(HDF5Error) {
    if let filter = storage.filters.first(where: { !$0.isAvailable }) {
      let name = filter.name.isEmpty ? "" : " " + MessageText.quoted(filter.name)
      throw HDF5Error(
        "filters of the HDF5 library", "the filter \(filter.code)\(name)", at: place,
        advice: "write the dataset again with compression=\"gzip\", in h5py or with h5repack -f GZIP=4")
    }
    if storage.kind == .virtual || storage.kind == .external { return }
    let advice = "the file is truncated, damaged or partly unwritten"
    let hasScaleOffset = storage.filters.contains { $0.code == Self.scaleOffset }
    let ratio = storage.filters.isEmpty ? 1 : hasScaleOffset ? .max : Self.bestRatio
    let (most, isUnbounded) = file.byteCount.multipliedReportingOverflow(by: ratio)
    guard isUnbounded || byteCount <= most || storage.offset == nil && type.byteCount == 0 else {
      throw HDF5Error("\(type.name) \(shape)", "a file of \(file.byteCount) bytes", at: place, advice: advice)
    }
    switch storage.kind {
    case .contiguous:
      guard let range = storage.range, range.upperBound <= file.byteCount else {
        throw HDF5Error("\(shape) elements", "none written", at: place, advice: advice)
      }
    case .chunked:
      let chunks = zip(shape.dimensions, storage.chunk).map { ($0 - 1) / max(1, $1) + 1 }.reduce(1) {
        $0.multipliedReportingOverflow(by: $1).partialValue
      }
      guard storage.chunk.count == shape.rank, storage.chunkCount == chunks else {
        throw HDF5Error("\(chunks) chunks", "\(storage.chunkCount)", at: place, advice: advice)
      }
    default: break
    }
  }

  /// Unsigned bytes as they are.
  package func readBytes() throws -> [UInt8] { try read(.uint8, filledWith: 0) }

  package func readFloats() throws -> [Float] { try read(.float32, filledWith: 0) }

  package func readDoubles() throws -> [Double] { try read(.float64, filledWith: 0) }

  /// Whole numbers; those above `Int64.max` are refused.
  package func readIntegers() throws -> [Int64] {
    let values: [Int64] = try read(.int64, filledWith: 0)
    if type.valueClass == .integer, !type.isSigned, type.byteCount == 8, let bad = values.firstIndex(of: .max) {
      throw HDF5Error(
        "element \(bad) below 2⁶³", "a larger one", at: "dataset \(MessageText.quoted(name))",
        advice: "store smaller numbers")
    }
    return values
  }

  /// Texts as class labels: the number of each text in the order of all, and the texts.
  package func readLabels() throws -> (labels: [Int64], names: [String]) {
    precondition(kind == .texts && shape.rank == 1)
    try file.process.reserve(shape[0] * MemoryLayout<Int32>.stride)
    let names = try file.process.answer(to: HDF5Request(.labels, name)).names
    var labels = [Int32](repeating: 0, count: shape[0])
    try labels.withUnsafeMutableBytes { bytes in try file.process.copy(from: 0, into: bytes) }
    return (labels.map { Int64($0) }, names)
  }

  /// All elements in order: straight from the file where they lie in it as in memory, and by the reading process in
  /// pieces otherwise, the next of which it reads while this process copies the last.
  private func read<Value: BitwiseCopyable>(_ type: HDF5MemoryType, filledWith zero: Value) throws -> [Value] {
    var values = [Value](repeating: zero, count: shape.elementCount)
    if storage.filters.isEmpty, type.isStored(as: self.type), let range = storage.range {
      guard range.count == shape.elementCount * type.byteCount else {
        throw HDF5Error(
          "\(shape.elementCount * type.byteCount) bytes", "\(range.count)", at: "dataset \(MessageText.quoted(name))")
      }
      var span = values.mutableSpan
      var memory = span.mutableBytes
      try FileSystemCalls.real.read(&memory, 0..<range.count, from: file.file, at: range.lowerBound)
      return values
    }
    let rowBytes = shape.elementCount / shape[0] * type.byteCount
    let rows = pieceRows(rowBytes: rowBytes)
    try file.process.reserve(2 * rows * rowBytes)
    let pieces = stride(from: 0, to: shape[0], by: rows).map { $0..<min($0 + rows, shape[0]) }
    func request(_ piece: Int) throws(HDF5Error) {
      guard piece < pieces.count else { return }
      var request = HDF5Request(.read, name)
      request.type = type
      request.start = pieces[piece].lowerBound
      request.count = pieces[piece].count
      request.offset = piece % 2 * rows * rowBytes
      try file.process.send(request)
    }
    try values.withUnsafeMutableBytes { bytes in
      try request(0)
      for (index, piece) in pieces.enumerated() {
        _ = try file.process.answer()
        try request(index + 1)
        let target = bytes[piece.lowerBound * rowBytes..<piece.upperBound * rowBytes]
        try file.process.copy(
          from: index % 2 * rows * rowBytes, into: UnsafeMutableRawBufferPointer(rebasing: target))
      }
    }
    return values
  }

  /// Whole chunks, so that none is unpacked twice.
  private func pieceRows(rowBytes: Int) -> Int {
    let rows = max(1, Self.pieceBytes / rowBytes)
    let chunkRows = storage.kind == .chunked ? max(1, storage.chunk[0]) : 1
    return min(shape[0], max(1, rows / chunkRows) * chunkRows)
  }
}
