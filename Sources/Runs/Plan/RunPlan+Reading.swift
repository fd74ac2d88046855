import Data
import Models
import Tensors

extension RunPlan {
  /// The configuration's model without its loss, for pieces of sequences.
  ///
  /// - Parameters:
  ///   - fields: of the data; the target only gives the number of outputs.
  ///   - rows: parallel sequences.
  ///   - tokens: the length of a piece.
  ///   - memory: earlier tokens that attention remembers; nil if a piece is a whole sequence.
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
    return try RunError.configuration { () throws(GraphError) in
      let prediction = try configuration.model.build(
        &builder, inputs: BatchInputs(read, memory: memory), outputs: target.classCount ?? target.shape.last)
      return try builder.finish(prediction: prediction)
    }
  }
}
