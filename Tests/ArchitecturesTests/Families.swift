import Architectures
import Arenas
import Configuration
import JSONValues
import Layers
import ModelGraph

/// The graph of a model written as in a configuration.
func graph(_ model: String, input: [Int] = [8, 20], outputs: Int = 5) throws -> ModelGraph {
  try graph(model, batch: input[0], fields: [("input", Array(input.dropFirst()), nil)], outputs: outputs)
}

/// - Parameter fields: extents of a sample, and what its whole numbers are below; nil for values.
func graph(
  _ model: String, batch: Int, fields: [(name: String, extents: [Int], below: Int?)], outputs: Int
) throws -> ModelGraph {
  let json = try JSONParser.parse(model, file: "c.json")
  let architecture = try architectureCatalog.read(json, path: "model").product
  var builder = GraphBuilder()
  let inputs = fields.map { field in
    let value = builder.field(
      field.name, TensorShape([batch] + field.extents), field.below == nil ? .float32 : .int32, classCount: field.below)
    return BatchInputs.Field(
      name: field.name, value: value, sample: TensorShape(field.extents), classCount: field.below)
  }
  let prediction = try architecture.build(&builder, inputs: BatchInputs(inputs), outputs: outputs)
  return try builder.finish(prediction: prediction)
}

extension ModelGraph {
  var names: [String] { nodes.map(\.name) }

  var parameterNames: [String] { nodes.flatMap(\.parameterNames) }

  var parameterCount: Int { nodes.flatMap(\.layer.parameters).reduce(0) { $0 + $1.shape.elementCount } }
}
