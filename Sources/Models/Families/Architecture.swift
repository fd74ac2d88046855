import Configuration
import Layers
import Tensors

/// A family of models with its settings, which builds the graph from the batch to the prediction.
package protocol Architecture: Sendable {
  /// - Parameters:
  ///   - inputs: the fields of the batch, (B, …) each.
  ///   - outputs: features of the prediction that the data ask for: classes, or values to predict.
  /// - Returns: the prediction: (B, outputs) of a classifier or a regression, (B, T, outputs) of a model of sequences.
  func build(
    _ graph: inout GraphBuilder, inputs: BatchInputs, outputs: Int
  ) throws(GraphError) -> ModelGraph.Value

  /// Whether the family predicts the next token of the one sequence that it reads.
  var predictsNextToken: Bool { get }

  /// How the family remembers a sequence that it reads piece by piece; nil where it cannot.
  ///
  /// - Parameter length: tokens in a sample of the data.
  func memory(ofSamples length: Int) -> SequenceMemory?
}

extension Architecture {
  package var predictsNextToken: Bool { false }
  package func memory(ofSamples length: Int) -> SequenceMemory? { nil }
}

/// The memory that a model has of the tokens it has read.
package enum SequenceMemory: Sendable, Equatable {
  /// A state of one size for any number of tokens.
  case state
  /// Keys and values of each, of at most this many.
  case tokens(Int)
}

/// The families that a configuration can choose under "model".
package let architectureCatalog = Catalog<any Architecture>(
  "model",
  [
    CatalogEntry("mlp", "a multi-layer perceptron: `depth` hidden layers of `width` units and a linear head") {
      (reader) throws(ConfigurationError) in try MultilayerPerceptron(from: reader)
    },
    CatalogEntry("convolution", "a plain convolutional network: convolutions, pools, dense layers and a linear head") {
      (reader) throws(ConfigurationError) in try ConvolutionalNetwork(from: reader)
    },
    CatalogEntry("resnet", "a residual network for images, or the plain network of the same depth") {
      (reader) throws(ConfigurationError) in try ResNet(from: reader)
    },
    CatalogEntry(
      "transformer", "a Transformer that predicts the next token: GPT's and LLaMA's shapes and what lies between"
    ) {
      (reader) throws(ConfigurationError) in try Transformer(from: reader)
    },
    CatalogEntry("encoder_decoder", "a Transformer that reads one sequence and writes another") {
      (reader) throws(ConfigurationError) in try EncoderDecoder(from: reader)
    },
    CatalogEntry("recurrent", "a recurrent network that predicts the next token: RNN, LSTM or GRU") {
      (reader) throws(ConfigurationError) in try RecurrentModel(from: reader)
    },
    CatalogEntry("dit", "a diffusion Transformer: predicts the noise in an image from its patches") {
      (reader) throws(ConfigurationError) in try DiffusionTransformer(from: reader)
    },
    CatalogEntry("unet", "a U-Net that learns to take noise from images: a diffusion model") {
      (reader) throws(ConfigurationError) in try UNet(from: reader)
    },
    CatalogEntry("layers", "any stack of layers, with `repeat` and `residual` blocks") {
      (reader) throws(ConfigurationError) in try LayerStack(from: reader)
    },
  ])

/// Flattens a batch of more than two dimensions.
func flattened(_ graph: inout GraphBuilder, _ value: ModelGraph.Value) throws(GraphError) -> ModelGraph.Value {
  guard graph.shape(of: value).rank != 2 else { return value }
  return try graph.add("flatten", Flatten.blueprint(NoSettings()), value)
}

/// The input of a family that works on images, [B, H, W, C].
func image(
  _ graph: inout GraphBuilder, _ value: ModelGraph.Value, for family: String
) throws(GraphError) -> ModelGraph.Value {
  let shape = graph.shape(of: value)
  guard shape.rank == 4 else {
    let sample = Array(shape.dimensions.dropFirst())
    throw GraphError(
      node: "input",
      message: "\(family) expects images [height, width, channels], but a sample of the data is \(sample); use \"mlp\"")
  }
  return value
}
