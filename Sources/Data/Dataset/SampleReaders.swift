import Dispatch
import Foundation
import Tensors

/// The readers of micro-batches: one, or one per core where files are decoded, so that one thread does not hold up all
/// lanes.
///
/// A sample is a function of its number and the epoch, whichever reader reads it.
// Sendable because every thread has a reader of its own, and reads rows of its own.
package struct SampleReaders: @unchecked Sendable {
  private let readers: [SampleReader]

  package init(_ data: Dataset) {
    let count = data.source.readsFiles ? ProcessInfo.processInfo.activeProcessorCount : 1
    readers = (0..<count).map { _ in SampleReader(data) }
  }

  /// Reads `rows` samples from position `first` of an epoch's order into tensors of that many rows.
  func read(_ order: SampleOrder.Epoch, from first: Int, epoch: Int, into fields: [TensorSlice], rows: Int) {
    if readers.count == 1 { return readPart(order, from: first, epoch: epoch, into: fields, rows: rows, reader: 0) }
    DispatchQueue.concurrentPerform(iterations: min(readers.count, rows)) { reader in
      readPart(order, from: first, epoch: epoch, into: fields, rows: rows, reader: reader)
    }
  }

  private func readPart(
    _ order: SampleOrder.Epoch, from first: Int, epoch: Int, into fields: [TensorSlice], rows: Int, reader: Int
  ) {
    for row in stride(from: reader, to: rows, by: readers.count) {
      readers[reader].read(order[first + row], .training(epoch: epoch), into: fields, row: row, of: rows)
    }
  }
}

extension SampleReader {
  /// Reads every field of a sample into a row of tensors that have `rows` of them.
  func read(_ sample: Int, _ reading: Reading, into fields: [TensorSlice], row: Int, of rows: Int) {
    for (field, slice) in fields.enumerated() {
      let size = slice.count / rows
      read(sample, reading, field: field, into: slice.slice(row * size..<(row + 1) * size))
    }
  }
}
