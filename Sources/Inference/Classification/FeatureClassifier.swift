import Data
import Formats
import Kernels
import Layers
import Models
import Runs
import Tensors

/// A stored classifier that judges many pictures: what it takes each for, and the features that its last linear layer reads.
///
/// Pictures must have the size of those that the model sees, or of those that its data have before evaluation's transforms. Grey
/// becomes colour and colour grey.
package struct FeatureClassifier: Sendable {
  package let run: StoredRun
  /// The classes' names, by label.
  package let classNames: [String]
  /// Features of a picture.
  package let featureCount: Int
  /// The layer that reads them.
  package let layer: String
  private let input: SampleField
  private let source: SampleField
  private let standardization: Standardization?
  private let augmentation: Augmentation?
  private let state: ModelState
  private let plan: ExecutionPlan
  private let features: ExecutionPlan.Tensor

  /// Pictures in a pass.
  private static let rows = 16

  package init(_ run: StoredRun) throws {
    self.run = run
    let name = run.checkpoint.url.lastPathComponent
    let fields = try run.fields()
    input = try Predictor.picture(in: fields, of: name)
    source = try run.sourceFields().map { try Predictor.picture(in: $0, of: name) } ?? input
    guard let target = fields.first(where: { $0.name == SampleField.target }), let names = target.classLabels,
      run.configuration.loss.wantsClasses
    else { throw RunError(.configuration, "\(name): expected a classifier, found a model that predicts values") }
    classNames = names
    augmentation = try Predictor.augmentation(run.configuration, from: source, to: input, of: name)
    standardization = try run.checkpoint.metadata.standardization(of: run.checkpoint.url)
    if let standardization, !standardization.fits(input.shape) {
      throw RunError("\(name): \(standardization.mean.count) means do not standardise inputs of \(input.shape)")
    }
    let graph = try RunPlan.graph(run.configuration, fields, of: name, rows: Self.rows)
    guard graph.predictionShape == TensorShape([Self.rows, names.count]) else {
      throw RunError(.configuration, "\(name): expected a model that says one class a picture, found another")
    }
    state = try run.modelState(graph)
    var options = PlanOptions()
    // What the last layer reads must still be there after a pass.
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

  /// Refuses pictures of another size than it can judge, before any are drawn.
  ///
  /// - Parameter shape: [height, width, 1 or 3].
  package func check(_ shape: TensorShape, of drawer: String) throws(RunError) {
    func fits(_ own: TensorShape) -> Bool { own[0] == shape[0] && own[1] == shape[1] }
    guard fits(input.shape) || fits(source.shape) else {
      throw RunError(
        .configuration,
        "--classifier \(run.configuration.name): judges pictures of \(input.shape[1])×\(input.shape[0]), but \(drawer) draws"
          + " \(shape[1])×\(shape[0]); train one on pictures of that size")
    }
  }

  /// What it says of some pictures.
  package struct Findings: Sendable {
    /// The likeliest class of each.
    package let labels: [Int]
    /// A row a picture.
    package let features: FeatureTable
  }

  /// - Parameter picture: gives a picture by its number; called by any of the lanes.
  package func judge(
    _ count: Int, lanes: Int, _ picture: @escaping @Sendable (_ lane: Int, _ number: Int) -> Image
  ) -> Findings {
    let batches = (count + Self.rows - 1) / Self.rows
    let lanes = min(lanes, batches)
    let labels = SharedArray(repeating: 0, count: count)
    let values = SharedArray(repeating: Float(0), count: count * featureCount)
    LaneThread.run(lanes, playing: plan, state) { lane, program in
      let judge = FeatureLane(self, program)
      for batch in stride(from: lane, to: batches, by: lanes) {
        let first = batch * Self.rows
        let numbers = first..<min(first + Self.rows, count)
        for (row, number) in numbers.enumerated() { judge.read(picture(lane, number), row: row) }
        judge.run()
        for (row, number) in numbers.enumerated() {
          labels[number] = judge.label(row: row)
          judge.features(row: row) { values[number * featureCount + $0] = $1 }
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
    private let pictures: TensorSlice
    private let logits: TensorSlice
    private let features: TensorSlice
    private var canvas: ImageCanvas
    // Keep the memory alive that the slices lie in.
    private let batch: Arena
    private let wide: Arena

    init(_ classifier: FeatureClassifier, _ program: LaneProgram) {
      self.classifier = classifier
      self.program = program
      let plan = classifier.plan
      program.pass.validRows = FeatureClassifier.rows
      canvas = ImageCanvas(
        capacity: max(
          classifier.augmentation?.capacity ?? 0, classifier.source.shape.elementCount,
          classifier.input.shape.elementCount))
      let fields = plan.graph.fields
      let bytes = fields.reduce(0) { $0 + Arena.aligned($1.shape.elementCount * $1.type.byteCount) }
      let batch = Arena(byteCount: bytes)
      self.batch = batch
      batch.all(as: .float32).zero()
      var offset = 0
      var pictures = batch.slice(offset: 0, count: 0, type: .float32)
      for (number, field) in fields.enumerated() {
        let slice = batch.slice(offset: offset, count: field.shape.elementCount, type: field.type)
        offset += Arena.aligned(slice.byteCount)
        program.bind(field: number, to: slice)
        if field.name == SampleField.input { pictures = slice }
      }
      self.pictures = pictures
      let (logitCount, featureCount) = (plan.prediction.count, classifier.features.count)
      wide = Arena(byteCount: Arena.aligned(4 * logitCount) + 4 * featureCount)
      logits = wide.slice(offset: 0, count: logitCount, type: .float32)
      features = wide.slice(offset: Arena.aligned(4 * logitCount), count: featureCount, type: .float32)
    }

    /// Brings a picture into the form in which evaluation shows samples to the model.
    func read(_ picture: Image, row: Int) {
      let field = classifier.input
      let count = field.shape.elementCount
      let slot = pictures.slice(row * count..<(row + 1) * count)
      let isWhole = (picture.height, picture.width) == (field.shape[0], field.shape[1])
      let shape = isWhole ? field.shape : classifier.source.shape
      let image = picture.converted(toChannels: shape[2])
      canvas.begin(ImageShape(height: shape[0], width: shape[1], channels: shape[2]))
      var values = canvas.pixels.mutableFloats
      for (index, level) in image.bytes.enumerated() { values[index] = field.value(ofLevel: level) }
      if !isWhole { classifier.augmentation?.apply(to: &canvas, 0, .evaluation) }
      slot.copy(from: canvas.pixels)
      classifier.standardization?.apply(to: slot)
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
