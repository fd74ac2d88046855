import Configuration
import Formats
import Tensors

/// One entry of "fields": a dataset [samples, …] that a model reads besides the inputs.
package struct HDF5FieldSettings: Settings {
  package let name: String
  /// Nil for the field's name.
  package let dataset: String?
  package let testDataset: String?
  package let classes: Int?

  package init(_ name: String, dataset: String? = nil, classes: Int? = nil) {
    self.name = name
    self.dataset = dataset
    testDataset = nil
    self.classes = classes
  }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    name = try reader.string("name", "the field's name in models")
    dataset = try reader.optionalString("dataset", "where it lies; default: the same name")
    testDataset = try reader.optionalString("test_dataset", "where it lies for the test; default: the same name")
    classes = try reader.optionalInteger(
      "classes", in: 1...HDF5Data.mostClasses,
      "bound of the field's whole numbers; by default the largest + 1")
    let taken = [SampleField.input, SampleField.target]
    try reader.require(
      !taken.contains(name), "name", "\"\(name)\" is already the name of the dataset of the \(name)s")
  }

  /// The values of all samples: whole numbers from 0 on, or float32.
  func column(
    _ dataset: HDF5Dataset, of file: HDF5Input, classes: Int?
  ) throws(DataError) -> MemorySamples.Column {
    let shape = TensorShape(Array(dataset.shape.dimensions.dropFirst()))
    let place = "dataset \(DataError.quoted(dataset.name))"
    if dataset.kind == .floats || dataset.kind == .texts {
      guard classes == nil else {
        throw DataError(file.path, at: place, expected: "whole numbers", found: dataset.type.name)
      }
      return .init(
        SampleField(name: name, shape: shape, type: .float32), .floats(try HDF5Data.finiteFloats(dataset, of: file)))
    }
    let values = try file.reading { try dataset.readIntegers() }
    let bound = classes ?? Swift.min(Int(clamping: values.max() ?? 0), HDF5Data.mostClasses - 1) + 1
    if let bad = values.firstIndex(where: { $0 < 0 || $0 >= bound }) {
      throw DataError(
        file.path, at: "\(place), sample \(bad / Swift.max(1, shape.elementCount))",
        expected: "a whole number of 0 to \(bound - 1)", found: "\(values[bad])",
        advice: "set the field's classes if the number is right")
    }
    return .init(
      SampleField(name: name, shape: shape, type: .int32, classCount: bound),
      .integers(values.map { Int32(truncatingIfNeeded: $0) }))
  }
}
