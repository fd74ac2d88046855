import Data
import Models
import Tensors

extension RunPlan {
  /// The configuration's model without its loss, on pieces of sequences.
  ///
  /// - Parameters:
  ///   - fields: of the data, as a checkpoint remembers them; the target only says what there is to predict.
  ///   - rows: sequences side by side.
  ///   - tokens: in a piece of each.
  ///   - memory: tokens that attention remembers of the pieces before; nil where a piece is a whole sequence.
  /// - Returns: a graph whose first field is the piece, (rows, tokens), followed by the data's other fields.
  package static func graph(
    _ configuration: RunConfiguration, reading fields: [SampleField], rows: Int, tokens: Int, memory: Int?
  ) throws(RunError) -> ModelGraph {
    guard let input = fields.first(where: { $0.name == SampleField.input }),
      let target = fields.first(where: { $0.name == SampleField.target })
    else { throw RunError(.configuration, "data: no fields \"input\" and \"target\"") }
    var builder = GraphBuilder()
    let read = ([input] + fields.filter { $0 != input && $0 != target }).map { field in
      let extents = field == input ? [tokens] : field.shape.dimensions
      return BatchInputs.Field(
        name: field.name,
        value: builder.field(
          field.name, TensorShape([rows] + extents), field.type, classCount: field.classCount),
        sample: field.shape, classCount: field.classCount)
    }
    do throws(GraphError) {
      let prediction = try configuration.model.build(
        &builder, inputs: BatchInputs(read, memory: memory), outputs: target.classCount ?? target.shape.last)
      return try builder.finish(prediction: prediction)
    } catch {
      throw RunError(.configuration, error.description)
    }
  }
}
