import Checkpoints
import Configuration
import Data
import Inference
import JSON
import Kernels
import Models
import Runs
import Tensors

/// The model of a stored run with a plan for sequences of another length.
///
/// Dropout is off, also in backward passes, and the loss is the plain cross-entropy. The parameters are the run's
/// moving average if it kept one, as in its evaluations.
struct SequenceModel: Sendable {
  /// Tokens in a sequence.
  let length: Int
  /// Sequences in a pass.
  let rows: Int
  let state: ModelState
  let plan: ExecutionPlan

  /// - Parameters:
  ///   - keepsGradients: whether the plan has a backward pass that leaves the gradient of every layer's output.
  init(
    _ run: StoredRun, _ data: Dataset, length: Int, rows: Int, precision: Precision, keepsGradients: Bool = false
  ) throws {
    self.length = length
    self.rows = rows
    let settings = SequenceSettings(run.configuration)
    var json = try settings.reading(length)
    for assignment in ["model.dropout=0", #"loss={"type": "cross_entropy"}"#] { json = try json.setting(assignment) }
    let fields = data.fields.map { field in
      var field = field
      field.shape = TensorShape([length])
      return field
    }
    let graph = try RunPlan.graph(RunConfiguration(json), fields, of: data.name, rows: rows)
    let table: ParameterTable
    do throws(GraphError) { table = try ParameterTable(graph) } catch { throw RunError(error.description) }
    state = ModelState(table, precision: precision)
    let tensors = table.evaluatedTensors(state, isAverage: run.configuration.training.average.isEnabled)
    try run.read(into: tensors)
    state.refreshBF16Weights()
    var options = PlanOptions()
    options.sharesMemory = !keepsGradients
    plan = ExecutionPlan(graph, table: table, precision: precision, isTraining: keepsGradients, options: options)
  }
}

/// A sequence model with its own memory, for one thread.
final class SequenceRunner {
  let program: LaneProgram
  /// (rows, length) int32 each.
  let input: TensorSlice
  let target: TensorSlice
  private let activations: Arena
  // Owns the memory of the fields.
  private let batch: Arena

  init(_ model: SequenceModel) {
    let plan = model.plan
    activations = Arena(byteCount: plan.activationByteCount)
    program = LaneProgram(
      plan, state: model.state, activations: activations, prepared: Arena(byteCount: plan.preparedByteCount),
      store: PrimitiveStore())
    // Every sequence starts from zero, so the state that a pass leaves is never read.
    program.bind(sequenceState: Arena(byteCount: plan.sequenceStateByteCount))
    let count = model.rows * model.length
    batch = Arena(byteCount: 2 * Arena.aligned(4 * count))
    input = batch.slice(offset: 0, count: count, type: .int32)
    target = batch.slice(offset: Arena.aligned(4 * count), count: count, type: .int32)
    for (number, field) in plan.graph.fields.enumerated() {
      program.bind(field: number, to: field.name == SampleField.target ? target : input)
    }
    program.pass.isTraining = false
    program.pass.validRows = model.rows
    prepare()
  }

  /// Updates the tensors that layers derive from the parameters.
  func prepare() {
    LaneThread.perform { program.prepareAll() }
  }

  /// The gradient of a node's output, after a backward pass of a plan that keeps it.
  func outputGradient(of name: String) -> TensorSlice? {
    guard let step = program.plan.steps.first(where: { $0.name == name }) else { return nil }
    let tensor = step.tensors[step.counts.outputIndex + 1]
    guard case .activations(let offset) = tensor.place else { return nil }
    return activations.slice(offset: offset, count: tensor.count, type: tensor.type)
  }
}

/// The configuration of a language model's run for sequences of other lengths.
struct SequenceSettings {
  let resolved: JSON
  let trainingLength: Int

  init(_ configuration: RunConfiguration) {
    resolved = configuration.resolved
    trainingLength = configuration.data.kind.windowLength ?? 0
  }

  /// The position encoding of a Transformer; nil for a recurrent network.
  var position: String? { resolved["model"]?["position"]?.string }

  private var context: Int { resolved["model"]?["context"]?.integer ?? trainingLength }

  /// The number of trained positions; nil if there is no limit.
  var places: Int? { position == "learned" ? context : nil }

  /// The configuration with a model that reads `length` tokens from a zero state.
  ///
  /// - Parameter adds: whether learned positions are extended, for a model that is not trained yet.
  func reading(_ length: Int, addingPlaces adds: Bool = false) throws(ConfigurationError) -> JSON {
    switch position {
    case "learned": try resolved.setting("model.context=\(adds ? max(context, length) : context)")
    case "sinusoidal": try resolved.setting("model.context=\(max(context, length))")
    case nil: try resolved.setting("model.carry=false")
    default: resolved
    }
  }
}
