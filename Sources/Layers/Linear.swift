import Configuration
import Kernels
import Tensors

/// y = x·Wᵀ + b, then an activation if one was fused in.
///
/// x is (…, in), W (out, in), b (out), y (…, out); leading dimensions are rows. Products run through oneDNN; with a
/// fused activation f the backward pass first turns dy into f'(y)·dy where it lies, and sums its columns into db on the
/// way:
///
///     dx = dy·W      dW = dyᵀ·x      db = Σ rows of dy
package struct Linear: ConfigurableLayer {
  package static let kind = "linear"

  package struct LayerSettings: Settings {
    package var units: Int
    package var hasBias = true
    package var initializer = Initializer.heNormal
    package var biasInitializer = Initializer.zeros

    package init(units: Int, initializer: Initializer) {
      self.units = units
      self.initializer = initializer
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      units = try reader.integer("units", in: 1...1_000_000, "features out")
      hasBias = try reader.boolean("bias", default: true, "whether a bias is added")
      initializer = try reader.initializer(default: "he_normal")
    }
  }

  package let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  private(set) var activation = Activation.identity
  let rows: Int
  let inputs: Int

  package init(settings: LayerSettings, inputs shapes: [TensorShape]) throws(LayerError) {
    let input = try Self.single(shapes)
    self.settings = settings
    inputShapes = shapes
    inputs = input.last
    rows = input.elementCount / inputs
    guard let shape = TensorShape(checking: input.dimensions.dropLast() + [settings.units]),
      TensorShape(checking: [settings.units, inputs]) != nil
    else { throw LayerError("linear cannot have \(settings.units) units on an input of \(input): too large") }
    outputShape = shape
  }

  package var parameters: [ParameterDeclaration] {
    let weight = ParameterDeclaration(
      "weight", TensorShape([settings.units, inputs]), settings.initializer, fanIn: inputs, fanOut: settings.units)
    let bias = ParameterDeclaration("bias", TensorShape([settings.units]), settings.biasInitializer)
    return settings.hasBias ? [weight, bias] : [weight]
  }

  package var backwardReads: BackwardReads { activation == .identity ? .inputs : [.inputs, .output] }
  package var forwardFlops: Int { 2 * rows * inputs * settings.units }
  package var canWidenOutput: Bool { activation == .identity }
  package var watchedActivation: Activation? { activation == .identity ? nil : activation }

  /// Room for dy in the products' type, when the output is wider.
  package func scratchByteCount(_ placement: LayerPlacement) -> Int {
    placement.isTraining && placement.output != placement.inputs
      ? rows * settings.units * placement.inputs.byteCount : 0
  }

  package func matmuls(_ placement: LayerPlacement) -> [MatmulShape] {
    placement.linearProducts(
      rows: rows, columns: settings.units, inner: inputs, hasBias: settings.hasBias, activation: activation,
      accumulatesInput: placement.accumulatesInputGradient[0])
  }

  package func forward(_ frame: Frame) {
    let bias = settings.hasBias ? frame.bias : nil
    frame.matmul(.forward).execute(frame.input(), frame.bf16Weights(0), bias: bias, into: frame.output)
    if !MatmulShape.fusedActivations.contains(activation) { activation.apply(frame.output, into: frame.output) }
  }

  package func backward(_ frame: Frame) {
    let dy = frame.differentiatedOutput(
      activation, rows: rows, columns: settings.units, bias: settings.hasBias ? 1 : nil)
    if let weightGradient = frame.weightGradient {
      frame.matmul(.weightGradient).execute(dy, frame.input(), into: weightGradient)
    }
    if let inputGradient = frame.inputGradient() {
      frame.matmul(.inputGradient).execute(dy, frame.bf16Weights(0), into: inputGradient)
    }
  }

  /// The input of an activation whose derivative follows from its output need not be kept; nor need all logits of a
  /// loss that reads them tile by tile.
  package func fused(with next: any Layer, at input: Int, isTraining: Bool) -> (any Layer)? {
    if let loss = next as? CrossEntropy { return input == 0 ? ChunkedCrossEntropy(self, loss) : nil }
    guard let next = next as? ActivationLayer, activation == .identity, next.activation.derivativeFollowsFromOutput
    else { return nil }
    var fused = self
    fused.activation = next.activation
    return fused
  }

  package static let examples = [
    LayerExample(#"{"type": "linear", "units": 5}"#, inputs: [[3, 7]], output: [3, 5]),
    LayerExample(#"{"type": "linear", "units": 33, "bias": false}"#, inputs: [[2, 3, 17]], output: [2, 3, 33]),
  ]
}
