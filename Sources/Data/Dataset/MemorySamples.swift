import Tensors

/// Samples in memory, a column per field.
package final class MemorySamples: SampleSource {
  /// One field of all samples, sample after sample.
  package struct Column: Sendable {
    package var field: SampleField
    package var values: Values

    package init(_ field: SampleField, _ values: Values) {
      self.field = field
      self.values = values
    }
  }

  package enum Values: Sendable {
    /// Gray or color levels 0…255, read as float32 in 0…1; kept as bytes to save memory.
    case bytes([UInt8])
    case floats([Float])
    case integers([Int32])

    var count: Int {
      switch self {
      case .bytes(let values): values.count
      case .floats(let values): values.count
      case .integers(let values): values.count
      }
    }

    var type: ElementType {
      switch self {
      case .bytes, .floats: .float32
      case .integers: .int32
      }
    }

    var residentBytes: Int {
      if case .bytes = self { count } else { count * 4 }
    }
  }

  package let name: String
  package let count: Int
  package let fields: [SampleField]
  package let columns: [Column]
  package let fingerprint: String

  /// - Parameter fingerprint: nil takes the digest of the values themselves. Sets computed in floating point pass a
  ///   digest of their settings instead, because another machine's mathematical library may round differently.
  package init(name: String, count: Int, columns: [Column], fingerprint: String? = nil) {
    for column in columns {
      precondition(column.values.count == count * column.field.shape.elementCount, "\(column.field.name): wrong size")
      precondition(column.values.type == column.field.type, "\(column.field.name): wrong type")
    }
    self.name = name
    self.count = count
    self.columns = columns
    self.fields = columns.map(\.field)
    self.fingerprint = fingerprint ?? Fingerprint.of(columns, count: count)
  }

  package var residentBytes: Int { columns.reduce(0) { $0 + $1.values.residentBytes } }

  package func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    let start = index * output.count
    switch columns[field].values {
    case .bytes(let values):
      SampleField.write(values.span.extracting(start..<start + output.count), into: output)
    case .floats(let values):
      var target = output.mutableFloats
      let source = values.span.extracting(start..<start + target.count)
      precondition(source.count == target.count)
      for i in target.indices { target[i] = source[i] }
    case .integers(let values):
      var target = output.mutableIntegers
      let source = values.span.extracting(start..<start + target.count)
      precondition(source.count == target.count)
      for i in target.indices { target[i] = source[i] }
    }
  }
}
