import Data
import Formats
import Foundation
import Kernels
import Models
import Runs
import Tensors

/// A stored model that answers for one picture at a time; everything it needs is in the checkpoint.
///
/// Not for several threads at once. The moving average takes the parameters' place where the run kept one, as in its
/// evaluations.
package final class Predictor {
  package let run: StoredRun
  /// What the model sees: [height, width, 1 or 3].
  package let input: SampleField
  /// The same as the data have it, before the transforms of evaluation.
  package let source: SampleField
  /// The names of what comes out, by label.
  package let classNames: [String]
  let graph: ModelGraph
  let state: ModelState
  let plan: ExecutionPlan
  let activations: Arena
  private let program: LaneProgram
  private let augmentation: Augmentation?
  private var canvas: ImageCanvas
  private let standardization: Standardization?
  let resizing: ImageResizing
  // Keeps the memory alive that `picture` lies in.
  private let batch: Arena
  private let picture: TensorSlice

  /// - Parameter keepsOutputs: whether every layer's output can be read after a prediction; costs memory and time.
  package init(_ run: StoredRun, keepsOutputs: Bool = false) throws {
    self.run = run
    let name = run.checkpoint.url.lastPathComponent
    let fields = try run.fields()
    let input = try Self.picture(in: fields, of: name)
    // A checkpoint of before this was written down is taken to have pictures of one shape throughout.
    source = try run.sourceFields().map { try Self.picture(in: $0, of: name) } ?? input
    guard let target = fields.first(where: { $0.name == SampleField.target }), let names = target.classLabels,
      run.configuration.loss.wantsClasses
    else { throw RunError(.configuration, "\(name): expected a model of classes, found one that predicts values") }
    graph = try RunPlan.graph(run.configuration, fields, of: name, rows: 1)
    let prediction = graph.predictionShape
    guard prediction == TensorShape([1, names.count]) else {
      throw RunError(
        .configuration,
        "\(name): expected one of \(names.count) classes a picture, found \(prediction?.description ?? "none")")
    }
    self.input = input
    classNames = names
    // As the data were brought to their size, where they were.
    let mode = run.configuration.data.kind.resizingMode
    resizing = ImageResizing(width: source.shape[1], height: source.shape[0], mode: mode)
    augmentation = try Self.augmentation(run.configuration, from: source, to: input, of: name)
    canvas = ImageCanvas(capacity: max(augmentation?.capacity ?? 0, source.shape.elementCount))
    standardization = try run.checkpoint.metadata.standardization(of: run.checkpoint.url)
    if let standardization, !standardization.fits(input.shape) {
      throw RunError("\(name): \(standardization.mean.count) means do not standardise inputs of \(input.shape)")
    }
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
    batch = Arena(byteCount: MicroBatch.byteCount(fields: fields, rows: 1))
    picture = batch.slice(offset: 0, count: input.shape.elementCount, type: .float32)
    bindFields()
  }

  static func picture(in fields: [SampleField], of name: String) throws(RunError) -> SampleField {
    let input = fields.first { $0.name == SampleField.input }
    guard let input, input.isImage else {
      throw RunError(
        .configuration,
        "\(name): expected a model of pictures [height, width, 1 or 3], found inputs of shape "
          + (input?.shape.description ?? "none"))
    }
    return input
  }

  /// The transforms that evaluation applies too: crops and other sizes.
  static func augmentation(
    _ configuration: RunConfiguration, from source: SampleField, to input: SampleField, of name: String
  ) throws -> Augmentation? {
    let augmentation = try Augmentation(
      configuration.data.common.augmentation, of: source, seed: configuration.seed, name: name)
    guard (augmentation?.output.tensorShape ?? source.shape) == input.shape else {
      throw RunError(
        .configuration,
        "\(name): the checkpoint does not say what its pictures were before augmentation made them \(input.shape); "
          + "train on with --resume to have one that does")
    }
    return augmentation
  }

  /// The label has no say in a prediction; it is there because the graph compares with one.
  private func bindFields() {
    for (number, field) in graph.fields.enumerated() {
      let isInput = field.name == SampleField.input
      let offset = isInput ? 0 : Arena.aligned(picture.byteCount)
      let label = batch.slice(offset: offset, count: isInput ? 0 : field.shape.elementCount, type: field.type)
      program.bind(field: number, to: isInput ? picture : label)
    }
  }

  /// One class with what the model gives it, 0...1.
  package struct Answer: Sendable, Equatable {
    package let label: Int
    package let name: String
    package let probability: Double
  }

  /// softmax of the model's logits, the likeliest class first; of equal ones the first label.
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

  /// Brings a picture into the form in which evaluation shows samples to the model.
  private func read(_ adapted: Adapted) {
    canvas.begin(ImageShape(height: source.shape[0], width: source.shape[1], channels: source.shape[2]))
    var values = canvas.pixels.mutableFloats
    for (index, level) in adapted.image.bytes.enumerated() { values[index] = source.value(ofLevel: level) }
    augmentation?.apply(to: &canvas, 0, .evaluation)
    picture.copy(from: canvas.pixels)
    standardization?.apply(to: picture)
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
