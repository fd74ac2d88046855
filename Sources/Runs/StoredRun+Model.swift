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

  /// What the run's samples were.
  package func fields() throws -> [SampleField] {
    let name = checkpoint.url.lastPathComponent
    guard let text = checkpoint.metadata.texts["fields"] else {
      throw RunError(
        .configuration,
        "\(name): the checkpoint does not say what its samples were; train on with --resume to have one that does")
    }
    return try SampleField.fields(of: text, file: name)
  }
}
