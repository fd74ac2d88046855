import Configuration
import Tensors

/// The description of a file or folder that `troupe dataset inspect` gives.
package struct DatasetSummary: Sendable {
  /// The moments of one field or column.
  package struct Part: Sendable {
    package var name: String
    /// Extents, the number of samples first.
    package var shape: TensorShape
    /// As the file stores it: "uint8", "float64", "label".
    package var type: String
    /// Nil for labels.
    package var moments: Moments?
  }

  package struct Moments: Sendable, Equatable {
    package var minimum: Double
    package var maximum: Double
    package var mean: Double
    package var deviation: Double
  }

  package struct ClassCount: Sendable, Equatable {
    package var name: String
    package var count: Int
  }

  package var path: String
  /// The data kind that reads it: "idx", "csv", …
  package var kind: String
  package var count = 0
  package var parts: [Part] = []
  package var classes: [ClassCount] = []
  /// The first images in block characters, a line of text each; empty where samples are no images.
  package var preview: [String] = []
  /// Further remarks, one per line.
  package var notes: [String] = []
  /// Samples that cannot be read and are in none of the numbers above; nil where there are none.
  package var skipped: SkippedSamples?
}

extension DatasetSummary {
  /// A summary of opened samples; `typeNames` says how the file stores each field.
  init(path: String, kind: String, of source: MemorySamples, typeNames: [String], notes: [String] = []) {
    self.init(path: path, kind: kind, count: source.count, preview: ImagePreview.rows(of: source), notes: notes)
    for (column, typeName) in zip(source.columns, typeNames) {
      let shape = TensorShape([source.count] + column.field.shape.dimensions)
      var moments: Moments?
      switch column.values {
      case .bytes(let values): moments = Moments(of: values) { Double($0) }
      case .floats(let values): moments = Moments(of: values) { Double($0) }
      case .integers(let labels): classes = Self.histogram(labels, of: column.field)
      }
      parts.append(Part(name: column.field.name, shape: shape, type: typeName, moments: moments))
    }
  }

  static func histogram(_ labels: [Int32], of field: SampleField) -> [ClassCount] {
    var counts = [Int](repeating: 0, count: field.classCount ?? 0)
    for label in labels { counts[Int(label)] += 1 }
    return counts.enumerated().map { label, count in
      ClassCount(name: label < field.classNames.count ? field.classNames[label] : "\(label)", count: count)
    }
  }
}

extension DatasetSummary.Moments {
  /// Nil for no values.
  init?<Value>(of values: [Value], _ number: (Value) -> Double) {
    guard let first = values.first else { return nil }
    minimum = number(first)
    maximum = minimum
    var sum = 0.0
    for value in values {
      let value = number(value)
      minimum = min(minimum, value)
      maximum = max(maximum, value)
      sum += value
    }
    mean = sum / Double(values.count)
    var squares = 0.0
    for value in values {
      let difference = number(value) - mean
      squares += difference * difference
    }
    deviation = (squares / Double(values.count)).squareRoot()
  }
}
