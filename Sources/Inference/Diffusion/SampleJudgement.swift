import Data
import Formats
import Runs
import Tensors

/// The quality of drawn images, measured with classifiers that were trained on real ones.
package struct SampleJudgement: Sendable {
  /// The measures of one classifier.
  package struct Verdict: Sendable {
    package let classifier: FeatureClassifier
    /// Images classified as requested; nil for unconditional images.
    package let recognized: Int?
    /// The same per request.
    package let recognizedOfRequests: [Int]
    /// Of the classifier's features.
    package let frechetDistance: Double
    package let precisionRecall: PrecisionRecall
  }

  package let requests: [GenerationRequest]
  /// Images drawn per request.
  package let countsOfRequests: [Int]
  package let count: Int
  /// Real images in the comparison.
  package let realCount: Int
  package let split: String
  package let verdicts: [Verdict]
  /// Images that every classifier classified as requested; nil for unconditional images.
  package let recognizedByAll: Int?

  /// Real images of a run's data.
  package struct RealImages: Sendable {
    package let split: String
    let samples: SampleSet
    fileprivate let data: Dataset

    /// The samples that could not be read; nil if there are none.
    package var skipped: SkippedSamples? { data.skipped }

    /// - Parameter split: nil for held-out images if there are enough, and for training images otherwise.
    package init(_ run: StoredRun, split: String?, atLeast least: Int, allowsOtherData: Bool = false) throws {
      let data = try run.openData(allowsOthers: allowsOtherData)
      guard data.forwardProcess != nil else { throw RunError(.configuration, "expected a diffusion model") }
      let splits = data.splits
      let known = ["train": splits.training, "validation": splits.validation, "test": splits.test]
      let name = split ?? (splits.validation.count >= least ? "validation" : "train")
      guard let samples = known[name] else {
        throw RunError(.configuration, "--split \(name): expected validation, test or train")
      }
      guard samples.count > PrecisionRecall.neighbors else {
        throw RunError(
          .configuration,
          "--split \(name): expected more than \(PrecisionRecall.neighbors) images to compare with, found"
            + " \(samples.count)")
      }
      self.split = name
      self.samples = samples
      self.data = data
    }
  }

  /// Refuses classifiers that do not fit the model, before anything is drawn.
  package static func check(
    _ classifiers: [FeatureClassifier], _ model: DiffusionModel, _ requests: [GenerationRequest]
  ) throws(RunError) {
    for classifier in classifiers {
      try classifier.check(model.image.shape, of: model.configuration.name)
      guard model.condition.none != nil else { continue }
      let match = WordMatch(classifier.classNames)
      if let request = requests.first(where: { match.label(in: $0.text) == nil }) {
        throw RunError(
          .configuration,
          "--classifier \(classifier.run.configuration.name): expected exactly one of its classes"
            + " (\(classifier.classNames.prefix(12).joined(separator: ", "))) in \"\(request.text)\"")
      }
    }
  }

  /// - Parameters:
  ///   - drawing: images of `requests` in turns.
  ///   - classifiers: accepted by `check`.
  package init(
    _ drawing: ImageDrawing, _ requests: [GenerationRequest], isConditional: Bool,
    _ classifiers: [FeatureClassifier], real: RealImages, lanes: Int
  ) throws(RunError) {
    self.requests = requests
    count = drawing.count
    split = real.split
    countsOfRequests = requests.indices.map { (drawing.count - $0 + requests.count - 1) / requests.count }
    let realCount = min(drawing.count, real.samples.count)
    self.realCount = realCount
    let readers = (0..<lanes).map { _ in ImageReader(real.data, drawing.shape) }
    let allReaders = Readers(readers: readers)
    var isRecognized = [Bool](repeating: true, count: drawing.count)
    var verdicts: [Verdict] = []
    for classifier in classifiers {
      let drawn = classifier.classify(drawing.count, lanes: lanes) { _, number in drawing.image(number) }
      let samples = real.samples
      let found = classifier.classify(realCount, lanes: lanes) { lane, number in
        // Evenly spread, because data may be sorted by class.
        allReaders.readers[lane].image(samples[number * samples.count / realCount])
      }
      guard drawn.features.isFinite, found.features.isFinite else {
        throw RunError("\(classifier.run.configuration.name): its features are not finite")
      }
      let match = WordMatch(classifier.classNames)
      let wanted = requests.map { match.label(in: $0.text) }
      var ofRequests = [Int](repeating: 0, count: requests.count)
      for number in 0..<drawing.count {
        let request = number % requests.count
        if drawn.labels[number] == wanted[request] { ofRequests[request] += 1 } else { isRecognized[number] = false }
      }
      verdicts.append(
        Verdict(
          classifier: classifier, recognized: isConditional ? ofRequests.reduce(0, +) : nil,
          recognizedOfRequests: isConditional ? ofRequests : [],
          frechetDistance: FrechetDistance.squared(found.features, drawn.features),
          precisionRecall: PrecisionRecall(real: found.features, drawn: drawn.features, lanes: lanes)))
    }
    self.verdicts = verdicts
    recognizedByAll = isConditional ? isRecognized.count { $0 } : nil
  }
}

/// Reads real images in the form of drawn ones.
private final class ImageReader {
  private let reader: SampleReader
  private let shape: TensorShape
  private let pixels: TensorSlice
  // Owns the memory of `pixels`.
  private let arena: Arena

  init(_ data: Dataset, _ shape: TensorShape) {
    reader = SampleReader(data)
    self.shape = shape
    arena = Arena(byteCount: 4 * shape.elementCount)
    pixels = arena.all(as: .float32)
  }

  func image(_ sample: Int) -> Image {
    reader.readImage(sample, into: pixels)
    return Image(levels: pixels.floats, shape, black: -1, white: 1)
  }
}

// Sendable because every lane has a reader of its own.
private struct Readers: @unchecked Sendable {
  let readers: [ImageReader]
}
