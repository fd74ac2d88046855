import Data
import Formats
import Runs
import Tensors

/// How good the pictures are that a model draws, by classifiers that were trained on real ones.
package struct SampleJudgement: Sendable {
  /// What one classifier says.
  package struct Verdict: Sendable {
    package let classifier: FeatureClassifier
    /// Pictures taken for what was asked for; nil where nothing was asked for.
    package let recognized: Int?
    /// The same of each request.
    package let recognizedOfRequests: [Int]
    /// In the classifier's features.
    package let frechetDistance: Double
    package let precisionRecall: PrecisionRecall
  }

  package let requests: [GenerationRequest]
  /// Pictures drawn of each request.
  package let countsOfRequests: [Int]
  package let count: Int
  /// Real pictures that were compared with.
  package let realCount: Int
  package let split: String
  package let verdicts: [Verdict]
  /// Pictures that every classifier took for what was asked for; nil where nothing was asked for.
  package let recognizedByAll: Int?

  /// Real pictures of a run's data.
  package struct RealPictures: Sendable {
    package let split: String
    let samples: SampleSet
    fileprivate let data: Dataset

    /// What the run's data left out because it cannot be read; nil where they left out nothing.
    package var skipped: SkippedSamples? { data.skipped }

    /// - Parameter split: nil for held-out pictures where there are enough, and for those of the training otherwise.
    package init(_ run: StoredRun, split: String?, atLeast least: Int, allowsOtherData: Bool = false) throws {
      let data = try run.openData(allowsOthers: allowsOtherData)
      guard data.forwardProcess != nil else { throw RunError(.configuration, "expected a model that denoises") }
      let splits = data.splits
      let known = ["train": splits.training, "validation": splits.validation, "test": splits.test]
      let name = split ?? (splits.validation.count >= least ? "validation" : "train")
      guard let samples = known[name] else {
        throw RunError(.configuration, "--split \(name): expected validation, test or train")
      }
      guard samples.count > PrecisionRecall.neighbours else {
        throw RunError(
          .configuration,
          "--split \(name): expected more than \(PrecisionRecall.neighbours) pictures to compare with, found"
            + " \(samples.count)")
      }
      self.split = name
      self.samples = samples
      self.data = data
    }
  }

  /// Refuses classifiers that cannot judge, before anything is drawn.
  package static func check(
    _ classifiers: [FeatureClassifier], _ model: DiffusionModel, _ requests: [GenerationRequest]
  ) throws(RunError) {
    for classifier in classifiers {
      try classifier.check(model.picture.shape, of: model.configuration.name)
      guard model.condition.none != nil else { continue }
      let match = WordMatch(classifier.classNames)
      if let request = requests.first(where: { match.label(in: $0.text) == nil }) {
        throw RunError(
          .configuration,
          "--classifier \(classifier.run.configuration.name): none, or more than one, of its classes"
            + " (\(classifier.classNames.prefix(12).joined(separator: ", "))) is named in \"\(request.text)\"")
      }
    }
  }

  /// - Parameters:
  ///   - drawing: of `requests` in turns.
  ///   - classifiers: that `check` has let pass.
  package init(
    _ drawing: ImageDrawing, _ requests: [GenerationRequest], isConditional: Bool,
    _ classifiers: [FeatureClassifier], real: RealPictures, lanes: Int
  ) throws(RunError) {
    self.requests = requests
    count = drawing.count
    split = real.split
    countsOfRequests = requests.indices.map { (drawing.count - $0 + requests.count - 1) / requests.count }
    let realCount = min(drawing.count, real.samples.count)
    self.realCount = realCount
    let readers = (0..<lanes).map { _ in PictureReader(real.data, drawing.shape) }
    let allReaders = Readers(readers)
    var isRecognized = [Bool](repeating: true, count: drawing.count)
    var verdicts: [Verdict] = []
    for classifier in classifiers {
      let drawn = classifier.judge(drawing.count, lanes: lanes) { _, number in drawing.image(number) }
      let samples = real.samples
      let found = classifier.judge(realCount, lanes: lanes) { lane, number in
        // Evenly spread, because data may be sorted by class.
        allReaders.readers[lane].image(samples[number * samples.count / realCount])
      }
      guard drawn.features.isFinite, found.features.isFinite else {
        throw RunError("\(classifier.run.configuration.name): its features are not finite numbers")
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

/// Reads real pictures as a drawn one is looked at.
private final class PictureReader {
  private let reader: SampleReader
  private let shape: TensorShape
  private let slot: TensorSlice
  // Keeps the memory alive that `slot` lies in.
  private let arena: Arena

  init(_ data: Dataset, _ shape: TensorShape) {
    reader = SampleReader(data)
    self.shape = shape
    arena = Arena(byteCount: 4 * shape.elementCount)
    slot = arena.all(as: .float32)
  }

  func image(_ sample: Int) -> Image {
    reader.readImage(sample, into: slot)
    let values = slot.floats
    return Image(levels: values, shape, black: -1, white: 1)
  }
}

// Sendable because every lane has a reader of its own.
private struct Readers: @unchecked Sendable {
  let readers: [PictureReader]

  init(_ readers: [PictureReader]) { self.readers = readers }
}
