import Configuration
import Tensors

/// Images and labels from IDX files: MNIST and its relatives.
package struct IDXData: DataKind {
  package static let kind = "idx"
  package static let places = ["images", "labels", "test_images", "test_labels"]
  package static let documentation = "images and class labels in IDX files (the MNIST format), raw or gzip"

  package var images: String
  package var labels: String
  package var testImages: String?
  package var testLabels: String?
  package var classes: Int?
  package var maxBytes: Int

  package init(
    images: String, labels: String, testImages: String? = nil, testLabels: String? = nil, classes: Int? = nil,
    maxBytes: Int = IDXFile.defaultLimit
  ) {
    self.images = images
    self.labels = labels
    self.testImages = testImages
    self.testLabels = testLabels
    self.classes = classes
    self.maxBytes = maxBytes
  }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    images = try reader.string("images", "file of the images (IDX, rank 2 to 4)")
    labels = try reader.string("labels", "file of the labels (IDX, rank 1)")
    testImages = try reader.optionalString("test_images", "file of images that are only for the test")
    testLabels = try reader.optionalString("test_labels", "their labels")
    classes = try reader.optionalInteger("classes", in: 2...256, "number of classes; by default the largest label + 1")
    maxBytes = try reader.maxBytes()
    let pair = (testImages == nil) == (testLabels == nil)
    try reader.require(pair, nil, "test_images and test_labels belong together; give both or neither")
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    let samples = try Self.read(images: images, labels: labels, classes: classes, limit: maxBytes)
    guard let testImages, let testLabels else { return OpenedSamples(samples: samples) }
    // A label the training set never shows is a mistake in the files.
    let test = try Self.read(
      images: testImages, labels: testLabels, classes: samples.fields[1].classCount, limit: maxBytes)
    return OpenedSamples(samples: samples, test: test)
  }

  /// One pair of files: "input" [height, width, 1] (rank 3), [features] or [height, width, channels]; "target" a label.
  static func read(images: String, labels: String, classes: Int?, limit: Int) throws(DataError) -> MemorySamples {
    let pixels = try IDXFile(reading: images, ranks: 2...IDXFile.largestRank, limit: limit)
    let names = try IDXFile(reading: labels, ranks: 1...1, limit: limit)
    guard pixels.count == names.count else {
      throw DataError(
        labels, at: "byte 4", expected: "\(pixels.count) labels, one per image of \(images)", found: "\(names.count)",
        advice: "the two files do not belong together")
    }
    let classCount = classes ?? max(2, Int(names.bytes.max() ?? 0) + 1)
    if let bad = names.bytes.firstIndex(where: { $0 >= classCount }) {
      throw DataError(
        labels, at: "byte \(names.headerBytes + bad) (sample \(bad))", expected: "a label below \(classCount)",
        found: "\(names.bytes[bad])", advice: "set classes to the number of classes if the label is right")
    }
    return MemorySamples(
      name: images, count: pixels.count,
      columns: [
        .init(inputField(pixels), .bytes(pixels.bytes)),
        .init(.label(of: classCount), .integers(names.bytes.map(Int32.init))),
      ])
  }

  static func inputField(_ file: IDXFile) -> SampleField {
    .input(of: TensorShape(Array(file.dimensions.dropFirst()) + (file.dimensions.count == 3 ? [1] : [])))
  }
}
