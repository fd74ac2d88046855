import CPlatform
import Tensors

/// One pass over all rows and heads: the kernel, its scratch, and the values that all tiles share.
struct AttentionPass<E: PackedElement> {
  typealias Product = AttentionProduct<E>
  typealias Floats = UnsafeMutablePointer<Float>

  let kernel: AttentionKernel
  let shape: AttentionShape
  let places: AttentionPlaces
  private let scratch: Floats
  let lengths: UnsafePointer<Int32>?
  let fullMask: UnsafePointer<Int32>?
  let biasWeights: UnsafePointer<Float>?
  let random: RandomStream?
  let hasBias: Bool
  var biasGradient: Floats?
  /// Tokens before the first query.
  var position = 0
  /// Keys and values of the head that is worked on, as words.
  var keyRows, keyPairs, valueRows, valuePairs: Floats

  init(
    _ kernel: AttentionKernel, mask: TensorSlice?, bias: TensorSlice?, random: RandomStream?, _ scratch: TensorSlice,
    backward: Bool
  ) {
    let shape = kernel.shape
    self.kernel = kernel
    self.shape = shape
    let places = AttentionPlaces(kernel, E.self == BFloat16.self ? .bfloat16 : .float32, backward: backward)
    precondition(scratch.byteCount >= 4 * places.count)
    precondition((mask != nil) == (shape.mask != .none))
    self.places = places
    let words = scratch.pointer(as: Float.self)
    self.scratch = words
    let integers = mask.map { UnsafePointer($0.pointer(as: Int32.self)) }
    lengths = shape.mask == .lengths ? integers : nil
    fullMask = shape.mask == .full ? integers : nil
    biasWeights = bias.map { UnsafePointer($0.pointer(as: Float.self)) }
    self.random = kernel.dropout == nil ? nil : random
    hasBias = bias != nil || !kernel.slopes.isEmpty
    keyRows = words + places.keyRows
    keyPairs = words + places.keyPairs
    valueRows = words + places.valueRows
    valuePairs = words + places.valuePairs
  }

  @inline(__always) func at(_ place: Int) -> Floats { scratch + place }

  /// Words that a product over d sums over.
  var innerWords: Int { (shape.headDimension + E.perWord - 1) / E.perWord }
  /// Rows of a product with d of them.
  var columnRows: Int { shape.headDimension.roundedUp(to: 8) }

  /// Keys that row `b` has.
  func keyCount(_ b: Int) -> Int {
    if let lengths { return Swift.min(Swift.max(Int(lengths[b]), 0), shape.keys) }
    return kernel.cacheCapacity == nil ? shape.keys : position + shape.queries
  }

  /// How many of `count` keys from `first` on any of the queries before `end` (in the sequence) may see.
  @inline(__always) func visible(_ count: Int, from first: Int, before end: Int) -> Int {
    shape.isCausal ? Swift.max(0, Swift.min(count, end &- first)) : count
  }

  private static var prefetchedRows: Int { 16 }

  // MARK: Packing

  /// Copies `count` rows of a head to `to` as float32, turned by their positions, and pads with zeros to `padded` rows
  /// of `width`.
  func stage(
    _ heads: AttentionHeads, _ b: Int, _ h: Int, first: Int, count: Int, padded: Int, position: Int?, into to: Floats
  ) {
    let (d, width) = (shape.headDimension, places.width)
    for row in 0..<count {
      let from = heads.row(b, first &+ row, h &* d, as: E.self)
      let target = to + row &* width
      // The hardware does not predict the stride of a head's rows. A prefetch beyond the tensor is harmless.
      let ahead = UnsafeRawPointer(from + Self.prefetchedRows &* heads.stride)
      var line = 0
      while line < d &* MemoryLayout<E>.stride {
        troupe_prefetch(ahead + line)
        line &+= 64
      }
      var c = 0
      while c &+ 16 <= d {
        Float.store(E.load(from + c), target + c)
        c &+= 16
      }
      if c < d {
        Float.store(E.load(from + c, first: d &- c), target + c)
        c &+= 16
      }
      while c < width {
        Float.store(.zero, target + c)
        c &+= 16
      }
      if let position, let rotation = kernel.rotation {
        rotation.rotate(target, position: position &+ row, back: false)
      }
    }
    if padded > count {
      (to + count &* width).update(repeating: 0, count: (padded &- count) &* width)
    }
  }

  /// Packs rows of a head as words, in one form or both; `padded` is a multiple of 2.
  func pack(
    _ heads: AttentionHeads, _ b: Int, _ h: Int, first: Int, count: Int, padded: Int, position: Int?, rows: Floats?,
    pairs: Floats?
  ) {
    if E.perWord == 1 {
      guard let to = rows ?? pairs else { return }
      stage(heads, b, h, first: first, count: count, padded: padded, position: position, into: to)
      return
    }
    let (width, rowWords, staging) = (places.width, places.rowWords, at(places.staging))
    var done = 0
    while done < padded {
      let staged = Swift.min(AttentionPlaces.stagedRows, padded &- done)
      stage(
        heads, b, h, first: first &+ done, count: Swift.max(0, Swift.min(staged, count &- done)), padded: staged,
        position: position.map { $0 &+ done }, into: staging)
      for row in 0..<staged / 2 {
        let (upper, lower) = (staging + 2 &* row &* width, staging + (2 &* row &+ 1) &* width)
        var c = 0
        while c < width {
          let (x, y) = (Float.load(upper + c), Float.load(lower + c))
          if let rows {
            let to = rows + (done &+ 2 &* row) &* rowWords
            E.storeRow(x, to, column: c)
            E.storeRow(y, to + rowWords, column: c)
          }
          if let pairs { E.storePair(x, y, pairs, pair: done / 2 &+ row, stride: width, column: c) }
          c &+= 16
        }
      }
      done &+= staged
    }
  }

  /// [rows][stride] words to [columns][rows]; both extents are multiples of 16.
  func transpose(_ from: Floats, stride: Int, rows: Int, columns: Int, into to: Floats, rowStride: Int) {
    var row = 0
    while row < rows {
      var column = 0
      while column < columns {
        troupe_transpose16(
          from + (row &* stride &+ column), Int64(stride), to + (column &* rowStride &+ row), Int64(rowStride))
        column &+= 16
      }
      row &+= 16
    }
  }

  /// Writes or adds `count` float32 rows of `width`, times `scale` and turned back by their positions, to those of a
  /// head.
  func unpack(
    _ from: Floats, count: Int, scale: Float, position: Int?, into heads: AttentionHeads, _ b: Int, _ h: Int,
    first: Int, accumulate: Bool
  ) {
    let (d, width) = (shape.headDimension, places.width)
    for row in 0..<count {
      let source = from + row &* width
      if let position, let rotation = kernel.rotation {
        rotation.rotate(source, position: position &+ row, back: true)
      }
      let to = heads.row(b, first &+ row, h &* d, as: E.self)
      var c = 0
      while c < d {
        let lanes = Swift.min(16, d &- c)
        var value = Float.load(source + c) * scale
        if accumulate { value += E.load(to + c, lanes: lanes) }
        E.store(value, to + c, lanes: lanes)
        c &+= 16
      }
    }
  }

  // MARK: Bias, mask, dropout

  /// Lays out the bias of head `h` by distance, in units of ln 2.
  func layOutBias(_ h: Int) {
    guard hasBias else { return }
    let table = at(places.bias)
    // With a KV cache, queries begin at `position` and see no key after the last of them.
    let first = kernel.cacheCapacity == nil ? 0 : shape.keys &- shape.queries
    let end = shape.keys &+ position &+ shape.queries
    if let biasWeights {
      kernel.buckets.withUnsafeBufferPointer { buckets in
        for i in first..<end { table[i] = biasWeights[Int(buckets[i]) &* shape.heads &+ h] * binaryLogarithmOfE }
      }
    } else {
      let slope = kernel.slopes[h] * binaryLogarithmOfE
      for i in first..<end { table[i] = -slope * Float(Swift.abs(i &- (shape.keys &- 1))) }
    }
    (table + end).update(repeating: 0, count: places.queryTile)
  }

  /// Brings the mask of a tile into its place, transposed.
  func layOutMask(_ b: Int, query: Int, queries: Int, key: Int, keys: Int) {
    guard let fullMask else { return }
    let (staging, tile) = (at(places.staging), places.queryTile)
    let columns = keys.roundedUp(to: 16)
    UnsafeMutableRawPointer(staging).initializeMemory(as: UInt8.self, repeating: 0, count: 4 &* tile &* columns)
    for i in 0..<queries {
      let row = fullMask + ((b &* shape.queries &+ query &+ i) &* shape.keys &+ key)
      UnsafeMutableRawPointer(staging + i &* columns).copyMemory(from: row, byteCount: 4 &* keys)
    }
    transpose(staging, stride: columns, rows: tile, columns: columns, into: at(places.mask), rowStride: tile)
  }

  /// Draws the factors of dropout for a tile.
  func drawFactors(_ b: Int, _ h: Int, query: Int, queries: Int, key: Int, keys: Int) {
    guard let random, let dropout = kernel.dropout else { return }
    let tokens = shape.queries.roundedUp(to: 16)
    let keyBlocks = (shape.keys + 7) / 8
    var first = 0
    while first < queries {
      dropout.draw(
        random, block: ((b &* shape.heads &+ h) &* keyBlocks &+ key / 8) &* tokens &+ query &+ first,
        blockStride: tokens, keys: keys, into: at(places.factors) + first, stride: places.queryTile)
      first &+= 16
    }
  }
}
