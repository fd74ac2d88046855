import Tensors

/// A convolution made once and executed many times, by the algorithm that suits its shape.
package final class Convolution: Sendable {
  private enum Method: Sendable {
    case direct(DirectConvolution)
    case winograd(WinogradConvolution)
    case winogradWeightGradient(WinogradWeightGradient)
  }

  package let shape: ConvolutionShape
  private let method: Method
  private let packedByteCount: Int
  private let stream: OneDNNStream

  package init(_ shape: ConvolutionShape, on stream: OneDNNStream) {
    precondition(!shape.addsShortcut || shape.canAddShortcut)
    self.shape = shape
    self.stream = stream
    switch (shape.algorithm, shape.direction) {
    case (.direct, _): method = .direct(DirectConvolution(shape, on: stream))
    case (.winograd, .weightGradient): method = .winogradWeightGradient(WinogradWeightGradient(shape))
    case (.winograd, _): method = .winograd(WinogradConvolution(shape))
    }
    packedByteCount = shape.demand.packedByteCount
    stream.reserveScratchpad(byteCount: shape.demand.scratchpadByteCount)
  }

  /// Brings the weights into the layout and type that this convolution reads.
  ///
  /// - Parameters:
  ///   - weights: (O, C / groups, h, w) float32.
  ///   - packed: `shape.demand.packedByteCount` bytes at least.
  package func pack(_ weights: TensorSlice, into packed: TensorSlice) {
    precondition(shape.direction != .weightGradient)
    precondition(weights.count == shape.weightCount && weights.type == .float32)
    precondition(packed.byteCount >= packedByteCount)
    switch method {
    case .direct(let direct): direct.pack(weights, into: packed)
    case .winograd(let winograd): winograd.pack(weights, into: packed)
    case .winogradWeightGradient: preconditionFailure("a weight gradient reads no weights")
    }
  }

  /// y = x ∗ W (+ bias) (+ shortcut), then the activation.
  ///
  /// - Parameters:
  ///   - x: (B, H, W, C) of `shape.inputs`.
  ///   - packed: the result of `pack`.
  ///   - bias: [O] float32, where the shape has one.
  ///   - shortcut: (B, H′, W′, O) of `shape.output`, where the shape adds one; may be `y` itself.
  ///   - y: (B, H′, W′, O) of `shape.output`.
  package func forward(
    _ x: TensorSlice, packed: TensorSlice, bias: TensorSlice?, shortcut: TensorSlice? = nil, into y: TensorSlice
  ) {
    precondition(shape.direction == .forward && (bias != nil) == shape.hasBias)
    precondition((shortcut != nil) == shape.addsShortcut)
    if let shortcut { precondition(shortcut.count == y.count && shortcut.type == y.type) }
    precondition(x.count == shape.inputCount && x.type == shape.inputs)
    precondition(y.count == shape.outputCount && y.type == shape.output)
    precondition(packed.byteCount >= packedByteCount)
    switch method {
    case .direct(let direct): direct.execute(x, packed, y, bias)
    case .winograd(let winograd):
      winograd.execute(x, packed: packed, bias: bias, shortcut: shortcut, into: y, scratch: stream.scratchpad)
    case .winogradWeightGradient: preconditionFailure("not a forward convolution")
    }
  }

  /// dx, given dy.
  ///
  /// - Parameters:
  ///   - dy: (B, H′, W′, O) of `shape.inputs`.
  ///   - packed: the result of `pack` of this convolution; the forward one reads another layout.
  ///   - dx: (B, H, W, C) of `shape.inputs`; is replaced.
  package func inputGradient(_ dy: TensorSlice, packed: TensorSlice, into dx: TensorSlice) {
    precondition(shape.direction == .inputGradient)
    precondition(dy.count == shape.outputCount && dy.type == shape.inputs)
    precondition(dx.count == shape.inputCount && dx.type == shape.inputs)
    precondition(packed.byteCount >= packedByteCount)
    switch method {
    case .direct(let direct): direct.execute(dy, packed, dx)
    case .winograd(let winograd):
      winograd.execute(dy, packed: packed, bias: nil, shortcut: nil, into: dx, scratch: stream.scratchpad)
    case .winogradWeightGradient: preconditionFailure("not an input gradient")
    }
  }

  /// dW, or dW += it where the shape accumulates.
  ///
  /// - Parameters:
  ///   - x: (B, H, W, C) of `shape.inputs`.
  ///   - dy: (B, H′, W′, O) of `shape.inputs`.
  ///   - packed: `shape.demand.packedByteCount` bytes at least, that the call may overwrite.
  ///   - dW: (O, C / groups, h, w) float32.
  package func weightGradient(_ x: TensorSlice, _ dy: TensorSlice, through packed: TensorSlice, into dW: TensorSlice) {
    precondition(shape.direction == .weightGradient)
    precondition(x.count == shape.inputCount && x.type == shape.inputs)
    precondition(dy.count == shape.outputCount && dy.type == shape.inputs)
    precondition(dW.count == shape.weightCount && dW.type == .float32)
    precondition(packed.byteCount >= packedByteCount)
    switch method {
    case .direct(let direct):
      direct.execute(x, dy, packed)
      direct.unpack(packed, into: dW)
    case .winogradWeightGradient(let winograd): winograd.execute(x, dy, into: dW, scratch: stream.scratchpad)
    case .winograd: preconditionFailure("not a weight gradient")
    }
  }
}
