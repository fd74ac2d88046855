import Configuration
import Kernels
import Tensors

/// One operation of a network: what it needs, how it runs forwards, how it runs backwards.
///
/// A layer is made for fixed input shapes, and one that exists is valid, so running never fails. It owns no memory: the
/// plan places every tensor it declares and hands it a `Frame`. Shapes include the micro-batch as their first
/// dimension.
package protocol Layer: Sendable {
  /// The value of "type" that selects the layer in a configuration.
  static var kind: String { get }

  var inputShapes: [TensorShape] { get }
  /// Inputs that are whole numbers (tokens, classes, lengths; int32) and not values, and what each must be below.
  var integerInputs: [Int: Int] { get }
  /// By default that of the first input.
  var outputShape: TensorShape { get }
  var parameters: [ParameterDeclaration] { get }
  /// State that training moves without a gradient; each has batch statistics of the same shape per micro-batch.
  var buffers: [BufferDeclaration] { get }
  /// float32 tensors kept from forward to backward.
  var saved: [TensorShape] { get }
  /// KV cache or recurrent state, which a pass over the next piece of the same sequences continues.
  func sequenceState(_ placement: LayerPlacement) -> [SequenceStateDeclaration]
  /// Bytes needed during one call, at most.
  func scratchByteCount(_ placement: LayerPlacement) -> Int
  /// The products it runs, by their numbers in `Frame.matmul`.
  func matmuls(_ placement: LayerPlacement) -> [MatmulShape]
  /// The convolutions it runs, by their numbers in `Frame.convolution`.
  func convolutions(_ placement: LayerPlacement) -> [ConvolutionShape]
  /// Bytes of each tensor that `prepare` writes.
  func prepared(_ placement: LayerPlacement) -> [Int]
  /// The tensors of the forward pass that `backward` reads; by default the inputs.
  var backwardReads: BackwardReads { get }
  /// Multiplications and additions of one forward pass; a backward pass takes about twice as many.
  var forwardFlops: Int { get }
  /// Whether a product runs more than once per pass, so that `forwardFlops` and not `matmuls` counts the work.
  var repeatsMatmuls: Bool { get }
  /// Whether the output is the input in another shape: then nothing runs and nothing is stored.
  var isReshape: Bool { get }
  /// Whether the output can be float32 where everything else is bfloat16.
  var canWidenOutput: Bool { get }
  /// The nonlinearity whose dead or saturated share is recorded.
  var watchedActivation: Activation? { get }
  /// The fused operations after its kind, in the plan's description: `batch_norm+add+relu`.
  var additions: [String] { get }

  /// Derives tensors for every pass from parameters and buffers, such as weights in oneDNN's own layout.
  ///
  /// Called once on one of the lanes after every change of the parameters; all lanes read its results. It may use
  /// parameters, buffers, prepared tensors, scratch and primitives, and nothing else of the frame.
  func prepare(_ frame: Frame)
  func forward(_ frame: Frame)
  /// Adds to or sets the gradients of inputs and parameters, given that of the output.
  func backward(_ frame: Frame)
  /// Moves `buffer` by the statistics of one micro-batch; called once per micro-batch, in their order.
  func fold(batchStatistics: TensorSlice, into buffer: TensorSlice, at index: Int)
  /// This layer with `next`, its only consumer, done in the same pass; nil where that is not possible.
  ///
  /// The joined layer's inputs are this layer's, then those of `next` without this layer's output. Its parameters and
  /// buffers are this layer's, then those of `next`.
  ///
  /// - Parameters:
  ///   - input: which input of `next` this layer's output is.
  ///   - isTraining: whether the joined layer has to run backwards and to measure statistics.
  func fused(with next: any Layer, at input: Int, isTraining: Bool) -> (any Layer)?

  /// Settings and shapes that every test of layers goes through.
  static var examples: [LayerExample] { get }
}

extension Layer {
  package var outputShape: TensorShape { inputShapes[0] }
  package var backwardReads: BackwardReads { .inputs }
  package var integerInputs: [Int: Int] { [:] }
  package var parameters: [ParameterDeclaration] { [] }
  package var buffers: [BufferDeclaration] { [] }
  package var saved: [TensorShape] { [] }
  package func sequenceState(_ placement: LayerPlacement) -> [SequenceStateDeclaration] { [] }
  package func scratchByteCount(_ placement: LayerPlacement) -> Int { 0 }
  package func matmuls(_ placement: LayerPlacement) -> [MatmulShape] { [] }
  package func convolutions(_ placement: LayerPlacement) -> [ConvolutionShape] { [] }
  package func prepared(_ placement: LayerPlacement) -> [Int] { [] }
  package func prepare(_ frame: Frame) {}
  package var forwardFlops: Int { outputShape.elementCount }
  package var repeatsMatmuls: Bool { false }
  package var isReshape: Bool { false }
  package var canWidenOutput: Bool { false }
  package var watchedActivation: Activation? { nil }
  package var additions: [String] { watchedActivation.map { [$0.rawValue] } ?? [] }
  package func fold(batchStatistics: TensorSlice, into buffer: TensorSlice, at index: Int) {}
  package func fused(with next: any Layer, at input: Int, isTraining: Bool) -> (any Layer)? { nil }
}

/// A trainable tensor, in PyTorch's name and layout.
package struct ParameterDeclaration: Sendable {
  /// The last part of its name: "weight", "bias".
  package let name: String
  package let shape: TensorShape
  package let initializer: Initializer
  /// Numbers of inputs and outputs that an element connects, which Glorot's and He's rules scale by.
  package let fanIn: Int
  package let fanOut: Int
  /// Whether its layer reads only tensors prepared from it, so that products need no bf16 weights.
  package let isPrepared: Bool

  package init(
    _ name: String, _ shape: TensorShape, _ initializer: Initializer, fanIn: Int = 1, fanOut: Int = 1,
    isPrepared: Bool = false
  ) {
    self.name = name
    self.shape = shape
    self.initializer = initializer
    self.fanIn = fanIn
    self.fanOut = fanOut
    self.isPrepared = isPrepared
  }
}

/// A float32 tensor of state with its first value.
package struct BufferDeclaration: Sendable {
  package let name: String
  package let shape: TensorShape
  package let initialValue: Float

  package init(_ name: String, _ shape: TensorShape, initialValue: Float) {
    self.name = name
    self.shape = shape
    self.initialValue = initialValue
  }
}

/// KV cache or recurrent state: kept from one piece of a sequence to the next.
///
/// A layer reads it only where `Frame.position` is above 0, so it need not be cleared.
package struct SequenceStateDeclaration: Sendable {
  package let name: String
  /// (B, …).
  package let shape: TensorShape
  package let type: ElementType

  package init(_ name: String, _ shape: TensorShape, _ type: ElementType = .float32) {
    self.name = name
    self.shape = shape
    self.type = type
  }
}

/// Which tensors of the forward pass `backward` reads.
package struct BackwardReads: OptionSet, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let output = BackwardReads(rawValue: 1)
  /// All of them.
  package static let inputs = BackwardReads(rawValue: ~1)
  package static func input(_ i: Int) -> BackwardReads { BackwardReads(rawValue: 2 << i) }
}

/// The plan's decisions for a layer: the types of its tensors and which gradients are wanted.
package struct LayerPlacement: Hashable, Sendable {
  package var inputs: ElementType
  package var output: ElementType
  package var isTraining: Bool
  package var needsInputGradient: [Bool]
  package var accumulatesInputGradient: [Bool]
  package var accumulatesParameterGradient: [Bool]

  package init(
    inputs: ElementType, output: ElementType, isTraining: Bool, needsInputGradient: [Bool],
    accumulatesInputGradient: [Bool], accumulatesParameterGradient: [Bool]
  ) {
    self.inputs = inputs
    self.output = output
    self.isTraining = isTraining
    self.needsInputGradient = needsInputGradient
    self.accumulatesInputGradient = accumulatesInputGradient
    self.accumulatesParameterGradient = accumulatesParameterGradient
  }
}

/// A layer refused its input shapes.
package struct LayerError: Error, CustomStringConvertible, Sendable {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// A layer that is chosen and set, but not yet made for particular shapes.
package struct LayerBlueprint: Sendable {
  package let kind: String
  package let make: @Sendable (_ inputs: [TensorShape]) throws(LayerError) -> any Layer

  package init(kind: String, make: @escaping @Sendable ([TensorShape]) throws(LayerError) -> any Layer) {
    self.kind = kind
    self.make = make
  }
}

/// A layer that a configuration can choose: its nested `Settings` are its JSON keys.
package protocol ConfigurableLayer: Layer {
  associatedtype LayerSettings: Settings
  init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError)

  static var traits: LayerTraits { get }
}

extension ConfigurableLayer {
  package static var traits: LayerTraits { LayerTraits() }

  package static func blueprint(_ settings: LayerSettings) -> LayerBlueprint {
    LayerBlueprint(kind: kind) { (inputs) throws(LayerError) in try Self(settings: settings, inputs: inputs) }
  }

  package static func catalogEntry(_ documentation: String) -> CatalogEntry<LayerBlueprint> {
    CatalogEntry(kind, documentation) { (reader) throws(ConfigurationError) in
      blueprint(try LayerSettings(from: reader))
    }
  }

  /// The one input of a layer that takes one.
  static func single(_ inputs: [TensorShape]) throws(LayerError) -> TensorShape {
    guard inputs.count == 1 else { throw LayerError("\(kind) takes one input, got \(inputs.count)") }
    guard inputs[0].rank >= 2 else {
      throw LayerError("\(kind) expects a batch of vectors or more, got the shape \(inputs[0])")
    }
    return inputs[0]
  }

  /// The one input of a layer that takes one, which must be images (B, H, W, C).
  static func singleImages(_ inputs: [TensorShape]) throws(LayerError) -> TensorShape {
    let input = try single(inputs)
    guard input.rank == 4 else {
      throw LayerError("\(kind) expects images (batch, height, width, channels), got the shape \(input)")
    }
    return input
  }
}

/// A case that every layer test runs: strict decoding, shapes, finite differences, determinism, both precisions.
package struct LayerExample: Sendable {
  package let settings: String
  package let inputs: [TensorShape]
  package let output: TensorShape

  package init(_ settings: String, inputs: [[Int]], output: [Int]) {
    self.settings = settings
    self.inputs = inputs.map { TensorShape($0) }
    self.output = TensorShape(output)
  }
}

/// How a layer differs from most others, for the tests that every layer goes through.
package struct LayerTraits: Sendable {
  /// Whether training computes something else than evaluation.
  package let differsInTraining: Bool
  package let takesAnyNumberOfInputs: Bool
  /// The step of central differences, small where a larger one could cross a kink or grow from step to step.
  package let difference: Float

  init(differsInTraining: Bool = false, takesAnyNumberOfInputs: Bool = false, difference: Float = 0.01) {
    self.differsInTraining = differsInTraining
    self.takesAnyNumberOfInputs = takesAnyNumberOfInputs
    self.difference = difference
  }
}

/// Settings of a layer that has none.
package struct NoSettings: Settings {
  package init() {}
  package init(from reader: SettingsReader) throws(ConfigurationError) {}
}
