import Tensors

/// A part of a batch in memory of its own, which one stage at a time owns; it is handed on, never copied.
// Sendable because it is noncopyable: only its holder uses its memory.
package struct MicroBatch: ~Copyable, @unchecked Sendable {
  /// Optimizer updates made before this batch.
  package var step = 0
  /// The number of the part within the batch.
  package var index = 0
  /// Samples in it; the rows behind them are old and do not count.
  package var sampleCount = 0
  /// Tokens of its sequences in the batches before it; 0 where they begin.
  package var position = 0
  /// One tensor per field of the data, (rows, …).
  package let fields: [TensorSlice]
  private let arena: Arena
  private let rows: Int

  /// - Parameter rows: samples that fit.
  package init(fields descriptions: [SampleField], rows: Int) {
    self.rows = rows
    var offset = 0
    var places: [(offset: Int, count: Int, type: ElementType)] = []
    for field in descriptions {
      let count = rows * field.shape.elementCount
      places.append((offset, count, field.type))
      offset += Arena.aligned(count * field.type.byteCount)
    }
    let arena = Arena(byteCount: offset)
    self.arena = arena
    fields = places.map { arena.slice(offset: $0.offset, count: $0.count, type: $0.type) }
  }

  /// Bytes that a micro-batch of `rows` samples takes.
  package static func byteCount(fields: [SampleField], rows: Int) -> Int {
    fields.reduce(0) { $0 + Arena.aligned(rows * $1.shape.elementCount * $1.type.byteCount) }
  }

  /// Reads one sample into row `row`.
  package func read(_ sample: Int, _ reading: Reading, with reader: SampleReader, row: Int) {
    reader.read(sample, reading, into: fields, row: row, of: rows)
  }

  /// Becomes part `index` of a batch: fills all rows with its samples.
  package mutating func read(_ index: Int, of batch: BatchPlace, with readers: SampleReaders) {
    step = batch.cursor
    self.index = index
    sampleCount = rows
    position = batch.tokensBefore
    readers.read(batch.order, from: batch.first + index * rows, epoch: batch.epoch, into: fields, rows: rows)
  }
}

/// The samples of a batch: a pure function of its number.
package struct BatchPlace {
  /// Batches consumed before it.
  let cursor: Int
  let epoch: Int
  /// Where it begins in the epoch's order.
  let first: Int
  let order: SampleOrder.Epoch
  /// Tokens of its sequences in the batches before it.
  let tokensBefore: Int

  package init(_ data: Dataset, cursor: Int, batchSize: Int) {
    self.cursor = cursor
    (epoch, first) = data.order.position(step: cursor, batchSize: batchSize)
    order = data.order.epoch(epoch)
    tokensBefore =
      data.pieceLength.map { data.order.tokensBefore(step: cursor, batchSize: batchSize, pieceLength: $0) } ?? 0
  }
}
