import Tensors

/// Sources of the same fields one after another: training files, then test files.
package struct JoinedSamples: SampleSource {
  package let name: String
  package let count: Int
  package let fields: [SampleField]
  package let residentBytes: Int
  package let fingerprint: String
  private let first: any SampleSource
  private let second: any SampleSource

  /// - Throws: when the two do not have the same fields. Class counts may differ: the larger holds for both.
  package init(_ first: any SampleSource, _ second: any SampleSource) throws(DataError) {
    guard first.fields.count == second.fields.count else {
      throw DataError(
        second.name, expected: "\(first.fields.count) fields as in \(first.name)", found: "\(second.fields.count)")
    }
    var fields = first.fields
    for (position, (a, b)) in zip(first.fields, second.fields).enumerated() {
      guard a.name == b.name, a.shape == b.shape, a.type == b.type, (a.classCount == nil) == (b.classCount == nil)
      else {
        throw DataError(
          second.name, at: b.name, expected: "\(a.type.rawValue) \(a.shape) as in \(first.name)",
          found: "\(b.type.rawValue) \(b.shape)", advice: "training and test samples must be of one shape")
      }
      guard a.classNames == b.classNames else {
        throw DataError(
          second.name, at: b.name, expected: "the classes of \(first.name)",
          found: "\(b.classNames.count) classes that are not the same")
      }
      if let m = a.classCount, let n = b.classCount { fields[position].classCount = max(m, n) }
    }
    self.first = first
    self.second = second
    self.fields = fields
    name = first.name
    count = first.count + second.count
    residentBytes = first.residentBytes + second.residentBytes
    fingerprint = Fingerprint.of("\(first.fingerprint) then \(second.fingerprint)", count: first.count + second.count)
  }

  package var readsFiles: Bool { first.readsFiles || second.readsFiles }
  package var failure: DataError? { first.failure ?? second.failure }

  package func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    if index < first.count {
      first.read(index, reading, field: field, into: output)
    } else {
      second.read(index - first.count, reading, field: field, into: output)
    }
  }
}
