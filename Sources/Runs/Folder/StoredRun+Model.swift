import Checkpoints
import Data
import Kernels
import Models

extension StoredRun {
  /// The types that the model answers in: a CPU without bfloat16 products answers in float32, which differs in the last
  /// digits only.
  package var answeringPrecision: Precision {
    OneDNN.supportsBFloat16 ? configuration.training.precision : .float32
  }

  /// The parameters and buffers that the model evaluates with.
  ///
  /// - Parameters:
  ///   - graph: the run's model in any of its forms.
  ///   - usesAverage: whether to read the moving average; by default where the run kept one.
  package func modelState(_ graph: ModelGraph, usesAverage: Bool? = nil) throws -> ModelState {
    let table: ParameterTable
    do throws(GraphError) { table = try ParameterTable(graph) } catch { throw RunError(error.description) }
    let state = ModelState(table, precision: answeringPrecision)
    let tensors = table.evaluatedTensors(state, isAverage: usesAverage ?? configuration.training.average.isEnabled)
    try read(into: tensors)
    state.refreshBF16Weights()
    return state
  }

  /// The run's model on one sample; it is built without the data where the checkpoint describes them.
  package func graph() throws -> ModelGraph {
    guard checkpoint.metadata.fields != nil else { return try plan(lanes: 1, allowsOtherData: true).graph }
    return try RunPlan.graph(configuration, fields(), of: checkpoint.url.lastPathComponent, rows: 1)
  }

  /// The fields of the samples that the model reads.
  package func fields() throws -> [SampleField] { try checkpoint.metadata.fields(of: checkpoint.url) }

  /// The fields of the samples before augmentation; nil in checkpoints of versions that did not store them.
  package func sourceFields() throws -> [SampleField]? { try checkpoint.metadata.sourceFields(of: checkpoint.url) }
}
