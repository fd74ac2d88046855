import Tensors

/// A numeric dataset whose type, extents and storage have been checked, so that its elements can be read.
package struct HDF5Dataset {
  /// What the elements are for a data set.
  package enum Kind { case bytes, integers, floats }

  package let name: String
  let file: HDF5File
  /// Extents, the number of samples first.
  package let shape: TensorShape
  package let type: HDF5Datatype
  package let kind: Kind
  let elementBytes: Int
  let storage: HDF5Storage
  /// In the order in which they were applied when writing.
  let filters: [HDF5Filter]

  static let largestRank = 5

  package var byteCount: Int { shape.elementCount * elementBytes }

  init(header: HDF5ObjectHeader, name: String, file: HDF5File) throws(HDF5Error) {
    self.name = name
    self.file = file
    let place = "dataset \(HDF5Error.quoted(name))"
    guard let space = header.first(.dataspace), let datatype = header.first(.datatype),
      let layout = header.first(.layout)
    else { throw .flaw("a dataset", "a group or damaged object", at: place, advice: "") }
    guard !header.has(.externalFiles) else {
      throw .flaw("data inside the file", "external storage", at: place, advice: "copy the data into the file")
    }
    guard !datatype.isShared, !space.isShared else {
      throw .flaw("a type of its own", "a named data type", at: place, advice: HDF5Error.saveAgain)
    }
    shape = try Self.shape(space.block, at: place)
    type = try HDF5Datatype(datatype.block)
    switch type {
    case .integer(let byteCount, let isSigned, _):
      kind = byteCount == 1 && !isSigned ? .bytes : .integers
      elementBytes = byteCount
    case .float(let byteCount, _):
      kind = .floats
      elementBytes = byteCount
    case .text, .other:
      throw .flaw(
        "integers of 8 to 64 bits or floats of 16 to 64", "another data type", at: place, advice: "store plain numbers")
    }
    if let message = header.all(.filters).first {
      filters = try HDF5Filter.all(message, at: place)
    } else {
      filters = []
    }
    storage = try HDF5Storage(layout.block, rank: shape.rank)
    if case .other(let found) = storage {
      throw .flaw(
        "compact, contiguous or chunked storage in the file", found, at: place, advice: HDF5Error.saveAgain)
    }
    let ratio = filters.contains(.deflate) ? Deflate.bestRatio : 1
    let (most, isUnbounded) = file.byteCount.multipliedReportingOverflow(by: ratio)
    guard isUnbounded || byteCount <= most else {
      throw .flaw(
        "\(type.name) \(shape)", "a file of \(file.byteCount) bytes", at: place,
        advice: "the file is truncated, damaged or partly unwritten")
    }
  }

  private static func shape(_ message: HDF5Block, at place: String) throws(HDF5Error) -> TensorShape {
    let extents: [UInt64] = if case .simple(let extents) = try HDF5Dataspace(message) { extents } else { [] }
    guard (1...largestRank).contains(extents.count) else {
      throw .flaw("1 to \(largestRank) dimensions, samples first", "\(extents.count)", at: place, advice: "")
    }
    guard let shape = TensorShape(checking: extents.map { Int(clamping: $0) }) else {
      throw .flaw("extents of at least 1", "\(extents)", at: place, advice: "")
    }
    return shape
  }
}
