import Data
import Formats
import Kernels
import Layers
import Models
import Runs
import Tensors

/// A stored classifier that classifies many images and keeps the inputs of its last linear layer as their features.
///
/// Images must have the size of the model's input, or of its data before evaluation's transforms. Gray images become
/// color images where the model reads those, and color images gray ones.
package struct FeatureClassifier: Sendable {
  package let run: StoredRun
  /// Features of an image.
  package let featureCount: Int
  /// The layer that reads the features.
  package let layer: String
  private let images: ClassifierImages
  private let state: ModelState
  private let plan: ExecutionPlan
  private let features: ExecutionPlan.Tensor

  /// The class names by label.
  package var classNames: [String] { images.classNames }

  /// Images in a pass.
  private static let rows = 16

  package init(_ run: StoredRun) throws {
    self.run = run
    let name = run.checkpoint.url.lastPathComponent
    images = try ClassifierImages(run)
    let graph = try RunPlan.graph(run.configuration, images.fields, of: name, rows: Self.rows)
    guard graph.predictionShape == TensorShape([Self.rows, images.classNames.count]) else {
      throw RunError(.configuration, "\(name): expected a model that predicts one class per image, found another")
    }
    state = try run.modelState(graph)
    var options = PlanOptions()
    // The input of the last layer is read after a pass.
    options.sharesMemory = false
    plan = ExecutionPlan(
      graph, table: state.table, precision: run.answeringPrecision, isTraining: false, options: options)
    guard let last = plan.steps.last(where: { $0.layer is Linear }), case .activations = last.tensors[0].place else {
      throw RunError(
        .configuration, "\(name): expected a classifier whose last layer is linear behind hidden ones, found another")
    }
    layer = last.name
    features = last.tensors[0]
    featureCount = features.count / Self.rows
  }

  /// Refuses images of another size before any are drawn.
  ///
  /// - Parameter shape: [height, width, 1 or 3].
  package func check(_ shape: TensorShape, of drawer: String) throws(RunError) {
    func fits(_ own: TensorShape) -> Bool { own[0] == shape[0] && own[1] == shape[1] }
    guard fits(images.input.shape) || fits(images.source.shape) else {
      let own = images.input.shape
      throw RunError(
        .configuration,
        "--classifier \(run.configuration.name): classifies images of \(own[1])×\(own[0]), but \(drawer) draws"
          + " \(shape[1])×\(shape[0]); train one on images of that size")
    }
  }

  /// The results for some images.
  package struct Findings: Sendable {
    /// The likeliest class of each image.
    package let labels: [Int]
    /// One row per image.
    package let features: FeatureTable
  }

  /// - Parameter image: returns an image by its number; called by any of the lanes.
  package func classify(
    _ count: Int, lanes: Int, _ image: @escaping @Sendable (_ lane: Int, _ number: Int) -> Image
  ) -> Findings {
    let batches = (count + Self.rows - 1) / Self.rows
    let lanes = min(lanes, batches)
    let labels = SharedArray(repeating: 0, count: count)
    let values = SharedArray(repeating: Float(0), count: count * featureCount)
    LaneThread.run(lanes, playing: plan, state) { lane, program in
      let classifier = FeatureLane(self, program)
      for batch in stride(from: lane, to: batches, by: lanes) {
        let first = batch * Self.rows
        let numbers = first..<min(first + Self.rows, count)
        for (row, number) in numbers.enumerated() { classifier.read(image(lane, number), row: row) }
        classifier.run()
        for (row, number) in numbers.enumerated() {
          labels[number] = classifier.label(row: row)
          classifier.features(row: row) { values[number * featureCount + $0] = $1 }
        }
      }
    }
    return Findings(
      labels: labels.span.indices.map { labels[$0] },
      features: FeatureTable(width: featureCount, values: values.span.indices.map { values[$0] }))
  }

  /// One thread's share of the work.
  private final class FeatureLane {
    private let classifier: FeatureClassifier
    private let program: LaneProgram
    private let images: TensorSlice
    private let logits: TensorSlice
    private let features: TensorSlice
    private var canvas: ImageCanvas
    // Own the memory of the slices.
    private let batch: Arena
    private let wide: Arena

    init(_ classifier: FeatureClassifier, _ program: LaneProgram) {
      self.classifier = classifier
      self.program = program
      let plan = classifier.plan
      program.pass.validRows = FeatureClassifier.rows
      canvas = ImageCanvas(
        capacity: max(
          classifier.images.augmentation?.capacity ?? 0, classifier.images.source.shape.elementCount,
          classifier.images.input.shape.elementCount))
      let fields = plan.graph.fields
      let bytes = fields.reduce(0) { $0 + Arena.aligned($1.shape.elementCount * $1.type.byteCount) }
      let batch = Arena(byteCount: bytes)
      self.batch = batch
      batch.all(as: .float32).zero()
      var offset = 0
      var images = batch.slice(offset: 0, count: 0, type: .float32)
      for (number, field) in fields.enumerated() {
        let slice = batch.slice(offset: offset, count: field.shape.elementCount, type: field.type)
        offset += Arena.aligned(slice.byteCount)
        program.bind(field: number, to: slice)
        if field.name == SampleField.input { images = slice }
      }
      self.images = images
      let (logitCount, featureCount) = (plan.prediction.count, classifier.features.count)
      wide = Arena(byteCount: Arena.aligned(4 * logitCount) + 4 * featureCount)
      logits = wide.slice(offset: 0, count: logitCount, type: .float32)
      features = wide.slice(offset: Arena.aligned(4 * logitCount), count: featureCount, type: .float32)
    }

    /// Transforms an image as evaluation does.
    func read(_ given: Image, row: Int) {
      let model = classifier.images
      let field = model.input
      let count = field.shape.elementCount
      let sample = images.slice(row * count..<(row + 1) * count)
      let isWhole = (given.height, given.width) == (field.shape[0], field.shape[1])
      let shape = isWhole ? field.shape : model.source.shape
      let image = given.converted(toChannels: shape[2])
      canvas.begin(ImageShape(height: shape[0], width: shape[1], channels: shape[2]))
      var values = canvas.pixels.mutableFloats
      for (index, level) in image.bytes.enumerated() { values[index] = field.value(ofLevel: level) }
      if !isWhole { model.augmentation?.apply(to: &canvas, 0, .evaluation) }
      sample.copy(from: canvas.pixels)
      model.standardization?.apply(to: sample)
    }

    func run() {
      _ = program.forward()
      widen(program.prediction, into: logits)
      if case .activations(let offset) = classifier.features.place {
        let type = classifier.features.type
        widen(program.activations.slice(offset: offset, count: classifier.features.count, type: type), into: features)
      }
    }

    private func widen(_ slice: TensorSlice, into wide: TensorSlice) {
      if slice.type == .float32 { wide.copy(from: slice) } else { Elementwise.convert(slice, into: wide) }
    }

    func label(row: Int) -> Int {
      let classes = classifier.classNames.count
      let scores = logits.slice(row * classes..<(row + 1) * classes).floats
      var best = 0
      for label in scores.indices where scores[label] > scores[best] { best = label }
      return best
    }

    func features(row: Int, _ take: (_ index: Int, _ value: Float) -> Void) {
      let width = classifier.featureCount
      let values = features.slice(row * width..<(row + 1) * width).floats
      for index in values.indices { take(index, values[index]) }
    }
  }
}
