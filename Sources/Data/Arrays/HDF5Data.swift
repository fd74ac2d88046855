import Configuration
import Formats
import Tensors

/// Datasets of an HDF5 file: inputs [samples, …], targets [samples] or [samples, …], and any further ones as `fields`.
package struct HDF5Data: DataKind {
  package static let kind = "hdf5"
  package static let places = ["file", "test_file"]
  package static let documentation = "inputs and targets from datasets of an HDF5 file"

  package var file: String
  package var inputs = "inputs"
  package var targets = "targets"
  package var testFile: String?
  package var testInputs: String?
  package var testTargets: String?
  package var classes: Int?
  /// The bound of tokens; nil for inputs that are values.
  package var vocabulary: Int?
  /// Further inputs for models that read several.
  package var fields: [HDF5FieldSettings] = []
  package var maxBytes = IDXFile.defaultLimit
  /// Whether links, storage and virtual datasets may lead to other files.
  package var external = false

  package static let mostClasses = 1 << 24

  package init(file: String) { self.file = file }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    file = try reader.string("file", "the HDF5 file")
    inputs = try reader.string(
      "inputs", default: "inputs", "dataset of the inputs, samples first; uint8 is read as 0…1")
    targets = try reader.string(
      "targets", default: "targets",
      "dataset of the targets: integers and texts are class labels, floats are values to predict")
    testFile = try reader.optionalString("test_file", "a file that is only for the test; default: the same file")
    testInputs = try reader.optionalString("test_inputs", "its inputs; default: the same name")
    testTargets = try reader.optionalString("test_targets", "its targets; default: the same name")
    classes = try reader.optionalInteger(
      "classes", in: 2...Self.mostClasses, "number of classes; by default the largest label + 1")
    vocabulary = try reader.optionalInteger(
      "vocabulary", in: 2...Self.mostClasses,
      "bound of the tokens, where inputs and targets are integer [samples, tokens] with a target for each token")
    fields = try reader.optionalObjects(
      "fields", of: HDF5FieldSettings.self,
      "further datasets of the same files, for models of several inputs, such as \"time\" and \"condition\"")
    maxBytes = try reader.maxBytes()
    external = try reader.boolean(
      "external", default: false,
      "also read data that the file keeps in other files: external links, external storage and virtual datasets")
    let names = fields.map(\.name)
    try reader.require(Set(names).count == names.count, "fields", "two fields have the same name")
    try reader.require(
      vocabulary == nil || classes == nil, "classes", "is not used with \"vocabulary\": every token is a class")
    try reader.require(
      testFile != nil || (testInputs == nil) == (testTargets == nil), nil,
      "test_inputs and test_targets belong together; give both or neither")
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    try open(seed: seed, settings: CommonDataSettings())
  }

  package func open(seed: UInt64, settings: CommonDataSettings) throws(DataError) -> OpenedSamples {
    let samples = try read(file, inputs, targets, classes: classes, standardizes: settings.standardize)
    guard testFile != nil || testInputs != nil else { return OpenedSamples(samples: samples) }
    let test = try read(
      testFile ?? file, testInputs ?? inputs, testTargets ?? targets, classes: samples.fields[1].classCount,
      standardizes: settings.standardize, test: samples.fields)
    return OpenedSamples(samples: samples, test: test)
  }

  /// - Parameter known: the fields of the training samples, where these are for the test.
  private func read(
    _ path: String, _ inputs: String, _ targets: String, classes: Int?, standardizes: Bool,
    test known: [SampleField]? = nil
  ) throws(DataError) -> MemorySamples {
    let file = try HDF5Input(path: path, allowsExternal: external)
    let input = try file.dataset(inputs, limit: maxBytes)
    let target = try file.dataset(targets, limit: maxBytes)
    let count = input.shape[0]
    guard target.shape[0] == count else {
      throw DataError(
        path, at: "dataset \(DataError.quoted(targets))",
        expected: "\(count) samples as in \(DataError.quoted(inputs))",
        found: "\(target.shape[0])")
    }
    var columns: [MemorySamples.Column] = []
    if let vocabulary {
      columns.append(try Self.tokenColumn(SampleField.input, input, of: file, in: 0..<vocabulary))
      columns.append(try Self.tokenColumn(SampleField.target, target, of: file, in: -1..<vocabulary))
    } else {
      columns.append(try Self.inputColumn(input, of: file, standardizes: standardizes, offsets: known?[0].offsets))
      columns.append(try Self.targetColumn(target, of: file, classes: classes, test: known?[1]))
    }
    for field in fields {
      let name = known == nil ? field.dataset : field.testDataset ?? field.dataset
      let dataset = try file.dataset(name ?? field.name, limit: maxBytes)
      guard dataset.shape[0] == count else {
        throw DataError(
          path, at: "dataset \(DataError.quoted(dataset.name))",
          expected: "\(count) samples as in \(DataError.quoted(inputs))", found: "\(dataset.shape[0])")
      }
      let bound = known?.first { $0.name == field.name }?.classCount ?? field.classes
      columns.append(try field.column(dataset, of: file, classes: bound))
    }
    return MemorySamples(name: path, count: count, columns: columns)
  }

  /// - Parameter offsets: of the training samples, where these are for the test.
  private static func inputColumn(
    _ dataset: HDF5Dataset, of file: HDF5Input, standardizes: Bool, offsets: [Double]?
  ) throws(DataError) -> MemorySamples.Column {
    guard dataset.shape.rank >= 2 else {
      throw DataError(
        file.path, at: "dataset \(DataError.quoted(dataset.name))", expected: "[samples, features, …]",
        found: "\(dataset.shape)", advice: "give every sample a dimension of its own")
    }
    var field = SampleField.input(of: TensorShape(Array(dataset.shape.dimensions.dropFirst())))
    if dataset.kind == .bytes {
      return .init(field, .bytes(try file.reading { try dataset.readBytes() }))
    }
    if standardizes, dataset.kind == .integers || dataset.type.byteCount == 8, field.shape.rank == 1,
      case let numbers = try file.reading({ try dataset.readDoubles() }), numbers.allSatisfy(\.isFinite)
    {
      field.offsets = offsets ?? FeatureOffsets.of(numbers, features: field.shape.elementCount)
      if !field.offsets.isEmpty { return .init(field, .floats(FeatureOffsets.floats(numbers, field.offsets))) }
    }
    let values = try finiteFloats(dataset, of: file)
    field.levels = levels(of: values)
    return .init(field, .floats(values))
  }

  /// The values of black and white in images: the ends of a usual range that holds all values, or the smallest and the
  /// largest value.
  private static func levels(of values: [Float]) -> ClosedRange<Float> {
    guard let lowest = values.min(), let highest = values.max() else { return 0...1 }
    let usual: [ClosedRange<Float>] = [0...1, -1...1, 0...255]
    return usual.first { $0.contains(lowest) && $0.contains(highest) } ?? lowest...highest
  }

  /// Sequences of tokens, or of tokens to predict, where −1 is none.
  private static func tokenColumn(
    _ name: String, _ dataset: HDF5Dataset, of file: HDF5Input, in range: Range<Int>
  ) throws(DataError) -> MemorySamples.Column {
    let place = "dataset \(DataError.quoted(dataset.name))"
    guard dataset.kind == .integers || dataset.kind == .bytes, dataset.shape.rank == 2 else {
      throw DataError(
        file.path, at: place, expected: "integer tokens [samples, tokens]",
        found: "\(dataset.type.name) \(dataset.shape)")
    }
    let tokens = try file.reading { try dataset.readIntegers() }
    if let bad = tokens.firstIndex(where: { !range.contains(Int($0)) }) {
      let (sample, position) = bad.quotientAndRemainder(dividingBy: dataset.shape[1])
      throw DataError(
        file.path, at: "\(place), sample \(sample), token \(position)",
        expected: "\(range.lowerBound) to \(range.upperBound - 1)", found: "\(tokens[bad])",
        advice: "raise vocabulary if the token is right")
    }
    return .init(
      SampleField(
        name: name, shape: TensorShape([dataset.shape[1]]), type: .int32, classCount: range.upperBound),
      .integers(tokens.map { Int32(truncatingIfNeeded: $0) }))
  }

  /// - Parameter known: the field of the training samples, where these are for the test.
  private static func targetColumn(
    _ dataset: HDF5Dataset, of file: HDF5Input, classes: Int?, test known: SampleField?
  ) throws(DataError) -> MemorySamples.Column {
    let place = "dataset \(DataError.quoted(dataset.name))"
    if dataset.kind == .texts { return try textColumn(dataset, of: file, classes: classes, test: known) }
    let count = dataset.shape[0]
    let width = dataset.shape.elementCount / count
    guard dataset.kind != .floats else {
      guard classes == nil else {
        throw DataError(
          file.path, at: place, expected: "integer labels", found: "\(dataset.type.name) \(dataset.shape)")
      }
      let extents = dataset.shape.rank == 1 ? [1] : Array(dataset.shape.dimensions.dropFirst())
      let field = SampleField(name: SampleField.target, shape: TensorShape(extents), type: .float32)
      return .init(field, .floats(try finiteFloats(dataset, of: file)))
    }
    guard width == 1, dataset.shape.rank <= 2 else {
      throw DataError(
        file.path, at: place, expected: "one integer label per sample", found: "\(dataset.type.name) \(dataset.shape)",
        advice: "store class numbers, not one-hot rows; values to predict are stored as floats")
    }
    let labels = try file.reading { try dataset.readIntegers() }
    let largest = Int(labels.max() ?? 0)
    guard largest < mostClasses else {
      throw DataError(
        file.path, at: place, expected: "labels below \(mostClasses)", found: "\(largest)",
        advice: "store values to predict as floats")
    }
    let classCount = classes ?? max(2, largest + 1)
    if let bad = labels.firstIndex(where: { $0 < 0 || $0 >= classCount }) {
      throw DataError(
        file.path, at: "\(place), sample \(bad)", expected: "a label of 0 to \(classCount - 1)",
        found: "\(labels[bad])", advice: "set classes to the number of classes if the label is right")
    }
    let members = dataset.type.members.sorted { $0.value < $1.value }
    let areNumbers = members.map(\.value) == (0..<Int64(members.count)).map { $0 }
    let names = areNumbers && members.count == classCount ? members.map(\.name) : []
    return .init(.label(of: classCount, names: names), .integers(labels.map { Int32(truncatingIfNeeded: $0) }))
  }

  /// Texts as class labels, in the order of their bytes.
  private static func textColumn(
    _ dataset: HDF5Dataset, of file: HDF5Input, classes: Int?, test known: SampleField?
  ) throws(DataError) -> MemorySamples.Column {
    let place = "dataset \(DataError.quoted(dataset.name))"
    guard dataset.shape.rank == 1 else {
      throw DataError(file.path, at: place, expected: "one text label per sample", found: "\(dataset.shape)")
    }
    var (labels, names) = try file.reading { try dataset.readLabels() }
    if let known {
      var numbers: [String: Int64] = [:]
      for (number, name) in known.classNames.enumerated() { numbers[name] = Int64(number) }
      if let name = names.first(where: { numbers[$0] == nil }) {
        throw DataError(
          file.path, at: place, expected: "the \(known.classNames.count) classes of the training samples",
          found: DataError.quoted(name))
      }
      let translated = names.compactMap { numbers[$0] }
      labels = labels.map { translated[Int($0)] }
      names = known.classNames
    }
    guard classes == nil || classes == names.count else {
      throw DataError(
        file.path, at: place, expected: "\(classes ?? 0) classes as configured",
        found: "\(names.count) different texts")
    }
    guard names.count > 1 else {
      throw DataError(file.path, at: place, expected: "texts of at least 2 classes", found: "\(names.count)")
    }
    return .init(.label(of: names.count, names: names), .integers(labels.map { Int32(truncatingIfNeeded: $0) }))
  }

  static func finiteFloats(_ dataset: HDF5Dataset, of file: HDF5Input) throws(DataError) -> [Float] {
    guard dataset.kind != .texts else {
      throw DataError(
        file.path, at: "dataset \(DataError.quoted(dataset.name))", expected: "numbers", found: "texts",
        advice: "texts can be the targets only, as class labels")
    }
    let values = try file.reading { try dataset.readFloats() }
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      let width = dataset.shape.elementCount / dataset.shape[0]
      throw DataError(
        file.path, at: "dataset \(DataError.quoted(dataset.name)), sample \(bad / width), value \(bad % width)",
        expected: "a finite float32", found: "\(values[bad])", advice: "remove or fill the sample")
    }
    return values
  }
}
