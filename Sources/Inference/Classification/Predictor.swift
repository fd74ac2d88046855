import Data
import Formats
import Foundation
import Kernels
import Models
import Runs
import Tensors

/// A stored model that classifies one image at a time; it needs nothing but the checkpoint.
///
/// Not for several threads at once. The parameters are the run's moving average if it kept one, as in its evaluations.
package final class Predictor {
  package let run: StoredRun
  let graph: ModelGraph
  let state: ModelState
  let plan: ExecutionPlan
  let activations: Arena
  private let program: LaneProgram
  private let images: ClassifierImages
  private var canvas: ImageCanvas
  let resizing: ImageResizing
  // Owns the memory of `inputImage`.
  private let batch: Arena
  private let inputImage: TensorSlice

  /// The model's input: [height, width, 1 or 3].
  package var input: SampleField { images.input }
  /// The input of the data, before the transforms of evaluation.
  package var source: SampleField { images.source }
  /// The class names by label.
  package var classNames: [String] { images.classNames }

  /// - Parameter keepsOutputs: whether every layer's output can be read after a prediction, which costs memory and
  ///   time.
  package init(_ run: StoredRun, keepsOutputs: Bool = false) throws {
    self.run = run
    let name = run.checkpoint.url.lastPathComponent
    images = try ClassifierImages(run)
    let (source, classCount) = (images.source.shape, images.classNames.count)
    graph = try RunPlan.graph(run.configuration, images.fields, of: name, rows: 1)
    let prediction = graph.predictionShape
    guard prediction == TensorShape([1, classCount]) else {
      throw RunError(
        .configuration,
        "\(name): expected one of \(classCount) classes per image, found \(prediction?.description ?? "none")")
    }
    resizing = ImageResizing(width: source[1], height: source[0], mode: run.configuration.data.kind.resizingMode)
    canvas = ImageCanvas(capacity: max(images.augmentation?.capacity ?? 0, source.elementCount))
    state = try run.modelState(graph)
    var options = PlanOptions()
    options.fusesNeighbours = !keepsOutputs
    options.sharesMemory = !keepsOutputs
    plan = ExecutionPlan(
      graph, table: state.table, precision: run.answeringPrecision, isTraining: false, options: options)
    activations = Arena(byteCount: plan.activationByteCount)
    program = LaneProgram(
      plan, state: state, activations: activations, prepared: Arena(byteCount: plan.preparedByteCount),
      store: PrimitiveStore())
    program.pass.validRows = 1
    program.prepareAll()
    batch = Arena(byteCount: MicroBatch.byteCount(fields: images.fields, rows: 1))
    inputImage = batch.slice(offset: 0, count: images.input.shape.elementCount, type: .float32)
    bindFields()
  }

  /// The graph reads a label for its loss, which a prediction ignores.
  private func bindFields() {
    for (number, field) in graph.fields.enumerated() {
      let isInput = field.name == SampleField.input
      let offset = isInput ? 0 : Arena.aligned(inputImage.byteCount)
      let label = batch.slice(offset: offset, count: isInput ? 0 : field.shape.elementCount, type: field.type)
      program.bind(field: number, to: isInput ? inputImage : label)
    }
  }

  /// A class and its probability, 0...1.
  package struct Answer: Sendable, Equatable {
    package let label: Int
    package let name: String
    package let probability: Double
  }

  /// softmax of the model's logits, the likeliest class first; equal ones are in the order of labels.
  package func predict(_ adapted: Adapted) -> [Answer] {
    read(adapted)
    _ = program.forward()
    let logits = wide(plan.prediction)
    let largest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.indices
      .map { Answer(label: $0, name: classNames[$0], probability: powers[$0] / sum) }
      .sorted { ($1.probability, $0.label) < ($0.probability, $1.label) }
  }

  /// Transforms an image as evaluation does.
  private func read(_ adapted: Adapted) {
    canvas.begin(ImageShape(height: source.shape[0], width: source.shape[1], channels: source.shape[2]))
    var values = canvas.pixels.mutableFloats
    for (index, level) in adapted.image.bytes.enumerated() { values[index] = source.value(ofLevel: level) }
    images.augmentation?.apply(to: &canvas, 0, .evaluation)
    inputImage.copy(from: canvas.pixels)
    images.standardization?.apply(to: inputImage)
  }

  /// The values of an activation in float32.
  func wide(_ tensor: ExecutionPlan.Tensor) -> [Float] {
    guard case .activations(let offset) = tensor.place else { return [] }
    let slice = activations.slice(offset: offset, count: tensor.count, type: tensor.type)
    if slice.type == .float32 { return slice.floats.indices.map { slice.floats[$0] } }
    let arena = Arena(byteCount: 4 * slice.count)
    let floats = arena.all(as: .float32)
    Elementwise.convert(slice, into: floats)
    return withExtendedLifetime(arena) { floats.floats.indices.map { floats.floats[$0] } }
  }
}
