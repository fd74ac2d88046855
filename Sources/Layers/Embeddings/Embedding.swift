import Configuration
import Kernels
import Tensors

/// y = W[n]: a trained vector for each token.
///
/// n is (B, T) or (B) int32, W (vocabulary, width), y (B, T, width). A linear layer that shares W turns vectors back
/// into scores of tokens (Press and Wolf 2017).
package struct Embedding: ConfigurableLayer {
  package static let kind = "embedding"

  package struct LayerSettings: Settings {
    package var vocabulary: Int
    package var width: Int
    package var initializer = Initializer.normal(deviation: 0.02)

    package init(vocabulary: Int, width: Int) {
      self.vocabulary = vocabulary
      self.width = width
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      vocabulary = try reader.integer("vocabulary", in: 1...(1 << 24), "what tokens are below")
      width = try reader.integer("width", in: 1...1_000_000, "length of a token's vector")
      initializer =
        try reader.component(
          "initializer", from: initializerCatalog,
          default: .object([("type", .string("normal")), ("deviation", .number(0.02))]), "how the vectors start")
        ?? initializer
    }
  }

  package let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  private let kernel: EmbeddingKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    guard inputs.count == 1, inputs[0].rank >= 1 else {
      throw LayerError("embedding expects a batch of tokens, got \(inputs.count) inputs")
    }
    guard let shape = TensorShape(checking: inputs[0].dimensions + [settings.width]),
      TensorShape(checking: [settings.vocabulary, settings.width]) != nil
    else { throw LayerError("embedding of width \(settings.width) for \(inputs[0]): too large") }
    self.settings = settings
    inputShapes = inputs
    outputShape = shape
    kernel = EmbeddingKernel(vocabulary: settings.vocabulary, width: settings.width)
  }

  package var integerInputs: [Int: Int] { [0: settings.vocabulary] }

  package var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration(
        "weight", TensorShape([settings.vocabulary, settings.width]), settings.initializer, fanIn: settings.width,
        fanOut: settings.vocabulary)
    ]
  }

  package var forwardFlops: Int { 0 }

  package func forward(_ frame: Frame) {
    kernel.forward(frame.input(), table: frame.weight, into: frame.output)
  }

  package func backward(_ frame: Frame) {
    guard let gradient = frame.weightGradient else { return }
    kernel.backward(
      frame.input(), dy: frame.outputGradient, into: gradient, accumulate: frame.accumulatesParameterGradient(0))
  }

  package static let examples = [
    LayerExample(#"{"type": "embedding", "vocabulary": 11, "width": 19}"#, inputs: [[3, 7]], output: [3, 7, 19])
  ]
}
