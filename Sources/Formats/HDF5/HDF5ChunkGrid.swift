import Tensors

/// How the chunks of a dataset tile it; those at the far edges stick out.
struct HDF5ChunkGrid {
  let shape: TensorShape
  let chunk: TensorShape
  /// Chunks along each dimension.
  let counts: TensorShape
  let elementBytes: Int

  var chunkCount: Int { counts.elementCount }
  var chunkBytes: Int { chunk.elementCount * elementBytes }

  /// What padding at the edges may cost beyond the elements themselves.
  private static let mostPadding = 256 << 20
  private static let mostPaddingRatio = 16

  /// - Throws: for chunks so much larger than the dataset that unpacking them would be an attack.
  init(dataset: HDF5Dataset, chunk extents: [Int]) throws(HDF5Error) {
    shape = dataset.shape
    elementBytes = dataset.elementBytes
    guard let chunk = TensorShape(checking: extents),
      let counts = TensorShape(
        checking: zip(dataset.shape.dimensions, chunk.dimensions).map { ($0 - 1) / $1 + 1 })
    else { throw dataset.refused("chunks of at least one element", "chunks \(extents)") }
    self.chunk = chunk
    self.counts = counts
    let (elements, overflow) = chunk.elementCount.multipliedReportingOverflow(by: counts.elementCount)
    let (padded, isHuge) = elements.multipliedReportingOverflow(by: elementBytes)
    let most = dataset.byteCount.multipliedReportingOverflow(by: Self.mostPaddingRatio)
    guard !overflow, !isHuge, most.overflow || padded <= max(most.partialValue, Self.mostPadding) else {
      throw dataset.refused("chunks that fit \(shape)", "chunks \(extents)")
    }
  }

  /// The number of the chunk that starts at `offsets`; nil where none does.
  func number(of offsets: [Int]) -> Int? {
    var number = 0
    for axis in offsets.indices {
      guard offsets[axis] >= 0, offsets[axis] < shape[axis], offsets[axis] % chunk[axis] == 0 else { return nil }
      number = number * counts[axis] + offsets[axis] / chunk[axis]
    }
    return number
  }

  /// Copies a chunk's elements to where they belong in the whole.
  func place(_ bytes: [UInt8], at offsets: [Int], in content: inout [UInt8]) throws(HDF5Error) {
    precondition(bytes.count == chunkBytes && content.count == shape.elementCount * elementBytes)
    let rank = shape.rank
    let inside = (0..<rank).map { min(chunk[$0], shape[$0] - offsets[$0]) }
    let run = inside[rank - 1] * elementBytes
    let rows = inside.dropLast().reduce(1, *)
    var index = [Int](repeating: 0, count: rank)
    for _ in 0..<rows {
      var from = 0
      var to = 0
      for axis in 0..<rank {
        from = from * chunk[axis] + index[axis]
        to = to * shape[axis] + offsets[axis] + index[axis]
      }
      from *= elementBytes
      to *= elementBytes
      content.replaceSubrange(to..<to + run, with: bytes[from..<from + run])
      var axis = rank - 2
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < inside[axis] { break }
        index[axis] = 0
        axis -= 1
      }
    }
  }
}
