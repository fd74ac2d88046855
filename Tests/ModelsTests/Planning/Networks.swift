import Configuration
import JSON
import Layers
import Models
import Tensors

/// A training graph of `model`, written as in a configuration, on a batch of the given shape.
func network(
  _ model: String, input: [Int] = [6, 20], outputs: Int = 5, loss: String = #"{"type": "cross_entropy"}"#,
  isTraining: Bool = true
) throws -> ModelGraph {
  let architecture = try architectureCatalog.read(try JSONParser.parse(model, file: "model")).product
  let blueprint = try lossCatalog.read(try JSONParser.parse(loss, file: "loss")).product
  var builder = GraphBuilder()
  let x = builder.field("input", TensorShape(input), .float32)
  let target = blueprint.wantsClasses ? [input[0]] : [input[0], outputs]
  let t = builder.field("target", TensorShape(target), blueprint.wantsClasses ? .int32 : .float32)
  let sample = TensorShape(Array(input.dropFirst()))
  let inputs = BatchInputs([BatchInputs.Field(name: "input", value: x, sample: sample)])
  let prediction = try architecture.build(&builder, inputs: inputs, outputs: outputs)
  return try builder.finish(prediction: prediction, loss: isTraining ? (blueprint, t) : nil)
}

func mlp(_ settings: String, depth: Int = 4, width: Int = 24) -> String {
  #"{"type": "mlp", "depth": \#(depth), "width": \#(width), \#(settings)}"#
}

/// Convolutions with their batch norms and activations, apart, in a residual block and in groups.
let convolutional = #"""
  {"type": "layers", "layers": [
    {"type": "conv2d", "filters": 8, "kernel": 3, "padding": "same", "bias": false}, {"type": "batch_norm"},
    {"type": "activation", "function": "relu"},
    {"type": "residual", "layers": [
      {"type": "conv2d", "filters": 8, "kernel": 3, "padding": 1}, {"type": "activation", "function": "relu"},
      {"type": "conv2d", "filters": 8, "kernel": 3, "padding": 1, "groups": 2}]},
    {"type": "conv2d", "filters": 5, "kernel": [3, 2], "stride": 2, "dilation": [1, 2]},
    {"type": "activation", "function": "tanh"},
    {"type": "conv2d", "filters": 10, "kernel": 3, "padding": 1, "groups": "depthwise"},
    {"type": "flatten"}, {"type": "linear", "units": 5}]}
  """#

/// Networks with tensors of different lifetimes: kept or not, read twice, reshaped, from the batch.
let variedNetworks: [(model: String, input: [Int])] = [
  (convolutional, [6, 7, 6, 3]),
  (mlp(#""activation": "relu""#), [6, 20]),
  (mlp(#""activation": "sigmoid""#), [6, 20]),
  (mlp(#""activation": "gelu", "dropout": 0.2"#), [6, 4, 5]),
  (mlp(#""activation": "tanh", "normalization": "batch""#), [6, 20]),
  (mlp(#""activation": "silu", "normalization": "layer", "normalization_place": "after_activation""#), [6, 20]),
  (mlp(#""activation": "relu", "normalization": "rms", "residual": true, "dropout": 0.1"#), [6, 20]),
  (#"{"type": "mlp", "widths": [40, 24, 24, 8], "residual": true, "activation": "leaky_relu"}"#, [6, 20]),
  (mlp(#""activation": "relu""#, depth: 0), [6, 2, 2, 5]),
  (
    #"""
    {"type": "layers", "layers": [
      {"type": "residual", "layers": [{"type": "activation", "function": "tanh"}, {"type": "dropout", "rate": 0}]},
      {"type": "flatten"},
      {"type": "residual", "layers": [{"type": "dropout", "rate": 0}]},
      {"type": "linear", "units": 16},
      {"type": "repeat", "times": 2, "layers": [
        {"type": "residual", "layers": [
          {"type": "layer_norm"}, {"type": "linear", "units": 16},
          {"type": "residual", "layers": [{"type": "activation", "function": "silu"}]}]},
        {"type": "dropout", "rate": 0.3}, {"type": "flatten"}]},
      {"type": "batch_norm"}, {"type": "linear", "units": 5, "bias": false},
      {"type": "activation", "function": "softplus"}]}
    """#, [6, 4, 5]
  ),
  (
    #"""
    {"type": "layers", "layers": [
      {"type": "linear", "units": 16}, {"type": "batch_norm"}, {"type": "activation", "function": "relu"},
      {"type": "residual", "layers": [{"type": "linear", "units": 16}, {"type": "batch_norm"}]},
      {"type": "activation", "function": "relu"},
      {"type": "residual", "layers": [{"type": "batch_norm"}]},
      {"type": "residual", "layers": [{"type": "batch_norm"}, {"type": "activation", "function": "silu"}]},
      {"type": "flatten"}, {"type": "linear", "units": 5}]}
    """#, [24, 4, 5]
  ),
]
