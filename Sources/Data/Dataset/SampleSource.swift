import Tensors

/// One named part of a sample: the image, its label, a caption's tokens, …
package struct SampleField: Sendable, Equatable {
  /// "input" and "target" for supervised sets.
  package var name: String
  /// Extents per sample, without the batch; images are [height, width, channels].
  package var shape: TensorShape
  /// `.float32` for values, `.int32` for class labels and tokens.
  package var type: ElementType
  /// The number of classes of a label (int32) or of shares of classes (float32, one per class); nil for values.
  package var classCount: Int?
  /// The classes' names by label, where the data set has them; empty otherwise.
  package var classNames: [String]
  /// The values of black and white, where the sample is an image.
  package var levels: ClosedRange<Float> = 0...1
  /// Subtracted from each feature before it became float32; empty without.
  package var offsets: [Double] = []
  /// Whether a model may leave the field unread without a warning.
  package var isOptional = false

  package init(
    name: String, shape: TensorShape, type: ElementType, classCount: Int? = nil, classNames: [String] = []
  ) {
    self.name = name
    self.shape = shape
    self.type = type
    self.classCount = classCount
    self.classNames = classNames
  }

  /// "input" of supervised sets: values.
  static func input(of shape: TensorShape) -> SampleField {
    SampleField(name: input, shape: shape, type: .float32)
  }

  /// "target" of supervised sets: a class label.
  static func label(of classCount: Int, names: [String] = []) -> SampleField {
    SampleField(name: target, shape: .scalar, type: .int32, classCount: classCount, classNames: names)
  }

  /// The classes' names by label, and the label itself where a class has none; nil for values.
  package var classLabels: [String]? {
    classCount.map { count in (0..<count).map { $0 < classNames.count ? classNames[$0] : "\($0)" } }
  }

  /// Whether the values are an image [height, width, 1 or 3].
  package var isImage: Bool { type == .float32 && shape.rank == 3 && [1, 3].contains(shape[2]) }

  /// The value of a gray or color level 0…255.
  @inline(__always) package func value(ofLevel level: UInt8) -> Float {
    levels.lowerBound + Float(level) * Self.levelScale * (levels.upperBound - levels.lowerBound)
  }

  private static let levelScale: Float = 1 / 255

  /// Writes levels 0…255 as values 0…1.
  static func write(_ levels: Span<UInt8>, into output: TensorSlice) {
    var values = output.mutableFloats
    precondition(levels.count == values.count)
    for i in values.indices { values[i] = Float(levels[i]) * levelScale }
  }

  package static let input = "input"
  package static let target = "target"
}

/// The purpose of reading samples.
package enum Reading: Sendable, Equatable {
  /// With the random changes of that epoch, counted from 0.
  case training(epoch: Int)
  /// As they are: the same every time.
  case evaluation
  /// As in evaluation, but in another view of the image.
  case view(ImageView)
}

/// Samples addressable by index. Immutable once opened, so that any thread may read at any time.
///
/// The parts of a sample are those in `fields`, and the random ones are a pure function of the source's seed, the
/// sample and the epoch.
package protocol SampleSource: Sendable {
  /// For messages: the file, or the kind of generated set.
  var name: String { get }
  var count: Int { get }
  var fields: [SampleField] { get }
  /// Memory the samples hold, in bytes.
  var residentBytes: Int { get }
  /// A digest of the content, recorded in checkpoints so that a run is not resumed on other data.
  var fingerprint: String { get }

  /// Whether reading opens and decodes files, which several threads then share.
  var readsFiles: Bool { get }
  /// The first error in reading a sample since the source was opened; nothing is learned from samples read after it.
  var failure: DataError? { get }

  /// Writes field number `field` of sample `index` over `output`, which has the field's type and element count.
  ///
  /// Errors in samples are found when the source is opened. Samples in memory are read without allocating and cannot
  /// fail; a source that reads its files again writes zeros and reports a `failure` where they have changed.
  func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice)
}

extension SampleSource {
  package var readsFiles: Bool { false }
  package var failure: DataError? { nil }

  /// The position of the field called `name`.
  package func field(named name: String) -> Int? { fields.firstIndex { $0.name == name } }
}
