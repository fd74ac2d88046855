import Kernels
import Tensors

/// y = f(norm(x ∗ W + b) + shortcut) in evaluation, as one convolution: with running statistics batch norm is a factor
/// and a shift of each filter, which `prepare` folds into the weights and the bias (`BatchNormFolding`).
///
/// It has no configuration: `Conv2D` becomes it with the batch norm behind it, and then fuses the added shortcut and
/// the activation as batch norm would. x is (B, H, W, C), the second input, the shortcut, as y (B, H′, W′, O). It does
/// not run backwards.
struct FoldedConv2D: Layer {
  static let kind = Conv2D.kind
  static let examples: [LayerExample] = []

  private let convolution: Conv2D
  private let norm: BatchNorm
  private let folding: BatchNormFolding
  private(set) var inputShapes: [TensorShape]
  private var activation = Activation.identity
  private var addsShortcut: Bool { inputShapes.count > 1 }

  /// Numbers of the prepared tensors.
  private static let packedWeights = 0
  private static let foldedBias = 1

  /// - Returns: nil where the convolution or the norm has already fused another layer.
  init?(_ convolution: Conv2D, _ norm: BatchNorm) {
    guard convolution.activation == .identity, norm.additions.isEmpty else { return nil }
    self.convolution = convolution
    self.norm = norm
    let weight = convolution.parameters[0].shape
    folding = BatchNormFolding(
      filters: weight[0], weightsPerFilter: weight.elementCount / weight[0], epsilon: Float(norm.settings.epsilon))
    inputShapes = convolution.inputShapes
  }

  var outputShape: TensorShape { convolution.outputShape }
  var parameters: [ParameterDeclaration] { convolution.parameters + norm.parameters }
  var buffers: [BufferDeclaration] { norm.buffers }
  var backwardReads: BackwardReads { [] }
  var forwardFlops: Int { convolution.forwardFlops }
  var watchedActivation: Activation? { activation == .identity ? nil : activation }
  var additions: [String] {
    [BatchNorm.kind] + (addsShortcut ? [ResidualAdd.kind] : []) + (watchedActivation.map { [$0.rawValue] } ?? [])
  }

  private func shape(_ placement: LayerPlacement) -> ConvolutionShape {
    var shape = convolution.shape(placement.inputs, output: placement.output)
    shape.hasBias = true
    shape.addsShortcut = addsShortcut && shape.canAddShortcut
    if (!addsShortcut || shape.addsShortcut) && ConvolutionShape.fusedActivations.contains(activation) {
      shape.activation = activation
    }
    return shape
  }

  func convolutions(_ placement: LayerPlacement) -> [ConvolutionShape] { [shape(placement)] }

  func prepared(_ placement: LayerPlacement) -> [Int] {
    [shape(placement).demand.packedByteCount, outputShape.last * ElementType.float32.byteCount]
  }

  /// Room for the folded weights before they are packed.
  func scratchByteCount(_ placement: LayerPlacement) -> Int {
    parameters[0].shape.elementCount * ElementType.float32.byteCount
  }

  func prepare(_ frame: Frame) {
    let hasBias = convolution.settings.hasBias
    let first = convolution.parameters.count
    let folded = frame.scratch.reinterpreted(as: .float32, count: frame.parameter(0).count)
    let norm = BatchNormFolding.Norm(
      gamma: frame.parameter(first), beta: frame.parameter(first + 1), runningMean: frame.buffer(0),
      runningVariance: frame.buffer(1))
    folding.fold(
      frame.parameter(0), bias: hasBias ? frame.parameter(1) : nil, norm, intoWeights: folded,
      bias: frame.prepared(Self.foldedBias))
    frame.convolution(0).pack(folded, into: frame.prepared(Self.packedWeights))
  }

  func forward(_ frame: Frame) {
    let convolution = frame.convolution(0)
    let y = frame.output
    convolution.forward(
      frame.input(), packed: frame.prepared(Self.packedWeights), bias: frame.prepared(Self.foldedBias),
      shortcut: convolution.shape.addsShortcut ? frame.input(1) : nil, into: y)
    if addsShortcut, !convolution.shape.addsShortcut {
      activation.apply(toSumOf: y, frame.input(1), into: y)
    } else if convolution.shape.activation != activation {
      activation.apply(y, into: y)
    }
  }

  func backward(_ frame: Frame) { preconditionFailure("\(Self.kind) with a folded norm only evaluates") }

  func fused(with next: any Layer, at input: Int, isTraining: Bool) -> (any Layer)? {
    guard !isTraining, activation == .identity else { return nil }
    var fused = self
    if next is ResidualAdd, !addsShortcut {
      fused.inputShapes.append(outputShape)
    } else if let next = next as? ActivationLayer, !next.isReshape {
      fused.activation = next.activation
    } else {
      return nil
    }
    return fused
  }
}
