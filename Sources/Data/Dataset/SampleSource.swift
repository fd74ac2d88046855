import Tensors

/// One named part of a sample: the image, its label, a caption's tokens, …
package struct SampleField: Sendable, Equatable {
  /// "input" and "target" for supervised sets.
  package var name: String
  /// Extents per sample, without the batch; images are [height, width, channels].
  package var shape: TensorShape
  /// `.float32` for values, `.int32` for class labels and tokens.
  package var type: ElementType
  /// How many classes a label (int32) can name, or shares of classes (float32, one a class) are of; nil for values.
  package var classCount: Int?
  /// The classes' names by label, where the data set has them; empty otherwise.
  package var classNames: [String]
  /// The values of black and white, where the sample is a picture.
  package var levels: ClosedRange<Float> = 0...1
  /// Whether the data have the field for those who want it, so that nothing is amiss where a model does not read it.
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

  /// The classes' names by label, and the label itself where a class has none; nil for values.
  package var classLabels: [String]? {
    classCount.map { count in (0..<count).map { $0 < classNames.count ? classNames[$0] : "\($0)" } }
  }

  /// The value of a grey or colour level 0…255.
  @inline(__always) package func value(ofLevel level: UInt8) -> Float {
    levels.lowerBound + Float(level) * Self.levelScale * (levels.upperBound - levels.lowerBound)
  }

  static let levelScale: Float = 1 / 255

  package static let input = "input"
  package static let target = "target"
}

/// What samples are read for.
package enum Reading: Sendable, Equatable {
  /// With whatever is random in the samples of that epoch, counted from 0.
  case training(epoch: Int)
  /// As they are: the same every time.
  case evaluation
  /// As in evaluation, but a picture seen in another way.
  case view(ImageView)
}

/// Samples addressable by index. Immutable once opened, so that any thread may read at any time.
///
/// Windows of a text and (image, caption) pairs are further sources, not further protocols: a sample is whatever `fields`
/// says, and what is random in it is a pure function of the source's seed, the sample and the epoch.
package protocol SampleSource: Sendable {
  /// For messages: the file, or the kind of generated set.
  var name: String { get }
  var count: Int { get }
  var fields: [SampleField] { get }
  /// Memory the samples hold, in bytes.
  var residentBytes: Int { get }
  /// A digest of the content, recorded in checkpoints so that a run is not resumed on other data.
  var fingerprint: String { get }

  /// Whether reading goes back to files and decodes them, which several threads then share.
  var readsFiles: Bool { get }
  /// What has gone wrong with a sample since the source was opened, the first of several; nothing is learnt from samples
  /// that were read after it.
  var failure: DataError? { get }

  /// Writes field number `field` of sample `index` over `slot`, which has the field's type and element count.
  ///
  /// What can be wrong with a sample is found when the source is opened. What lies in memory is read without allocating
  /// and cannot fail; a source that goes back to its files writes zeros and reports a `failure` where they have changed.
  func read(_ index: Int, _ reading: Reading, field: Int, into slot: TensorSlice)
}

extension SampleField {
  /// Whether its values are an image: [height, width, 1 or 3].
  package var isImage: Bool { type == .float32 && shape.rank == 3 && [1, 3].contains(shape[2]) }
}

extension SampleSource {
  package var readsFiles: Bool { false }
  package var failure: DataError? { nil }

  /// The position of the field called `name`.
  package func field(named name: String) -> Int? { fields.firstIndex { $0.name == name } }
}
