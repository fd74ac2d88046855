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

  /// What a model of the run computes with: the moving average in the parameters' place where the run kept one.
  ///
  /// - Parameter graph: the run's model in any of its forms.
  package func modelState(_ graph: ModelGraph) throws -> ModelState {
    let table: ParameterTable
    do throws(GraphError) { table = try ParameterTable(graph) } catch { throw RunError(error.description) }
    let state = ModelState(table, precision: answeringPrecision)
    let tensors = table.evaluatedTensors(state, isAverage: configuration.training.average.isEnabled)
    _ = try CheckpointFile.read(at: checkpoint.url, into: tensors, match: .subset)
    state.refreshBF16Weights()
    return state
  }

  /// The fields of the samples that the model reads.
  package func fields() throws -> [SampleField] { try checkpoint.metadata.fields(of: checkpoint.url) }

  /// The fields of the samples before augmentation; nil in checkpoints of versions that did not store them.
  package func sourceFields() throws -> [SampleField]? { try checkpoint.metadata.sourceFields(of: checkpoint.url) }
}
