import Configuration
import JSON
import Layers
import Models
import Tensors

/// The graph of a model written as in a configuration.
func graph(_ model: String, input: [Int] = [8, 20], outputs: Int = 5) throws -> ModelGraph {
  try graph(model, fields: [TestField("input", input)], outputs: outputs)
}

/// A field of a batch, (B, …): whole numbers below `classCount`, or values.
struct TestField {
  let name: String
  let shape: [Int]
  let classCount: Int?

  init(_ name: String, _ shape: [Int], below classCount: Int? = nil) {
    self.name = name
    self.shape = shape
    self.classCount = classCount
  }
}

/// A family with its settings.
func family(_ model: String) throws -> any Architecture {
  try architectureCatalog.read(JSONParser.parse(model, file: "c.json"), path: "model").product
}

/// The graph of a model that reads several fields; the first is its input.
func graph(_ model: String, fields: [TestField], outputs: Int) throws -> ModelGraph {
  var builder = GraphBuilder()
  let inputs = fields.map { field in
    BatchInputs.Field(
      name: field.name,
      value: builder.field(
        field.name, TensorShape(field.shape), field.classCount == nil ? .float32 : .int32,
        classCount: field.classCount),
      sample: TensorShape(Array(field.shape.dropFirst())), classCount: field.classCount)
  }
  let prediction = try family(model).build(&builder, inputs: BatchInputs(inputs), outputs: outputs)
  return try builder.finish(prediction: prediction)
}

extension ModelGraph {
  var names: [String] { nodes.map(\.name) }

  var parameterNames: [String] { nodes.flatMap(\.parameterNames) }

  var parameterCount: Int { nodes.flatMap(\.layer.parameters).reduce(0) { $0 + $1.shape.elementCount } }
}
