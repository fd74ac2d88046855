import Architectures
import Arenas
import Configuration
import JSONValues
import Layers
import ModelGraph

/// The graph of a model written as in a configuration.
func graph(_ model: String, input: [Int] = [8, 20], outputs: Int = 5) throws -> ModelGraph {
  let json = try JSONParser.parse(model, file: "c.json")
  let architecture = try architectureCatalog.read(json, path: "model").product
  var builder = GraphBuilder()
  let x = builder.field("input", TensorShape(input), .float32)
  let sample = TensorShape(Array(input.dropFirst()))
  let inputs = BatchInputs([BatchInputs.Field(name: "input", value: x, sample: sample)])
  let prediction = try architecture.build(&builder, inputs: inputs, outputs: outputs)
  return try builder.finish(prediction: prediction)
}

extension ModelGraph {
  var names: [String] { nodes.map(\.name) }

  var parameterNames: [String] { nodes.flatMap(\.parameterNames) }

  var parameterCount: Int { nodes.flatMap(\.layer.parameters).reduce(0) { $0 + $1.shape.elementCount } }
}
