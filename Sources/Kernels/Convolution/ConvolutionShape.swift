import Tensors

/// One axis of an image, and the window that slides along it.
package struct WindowAxis: Hashable, Sendable {
  /// Elements of the input.
  package let size: Int
  /// Elements that the window covers.
  package let kernel: Int
  /// Elements from one position of the window to the next.
  package let stride: Int
  /// Elements from one that the window covers to the next.
  package let dilation: Int
  /// Zeros in front of the input and behind it.
  package let paddingBefore: Int
  package let paddingAfter: Int

  package init(size: Int, kernel: Int, stride: Int, dilation: Int = 1, paddingBefore: Int, paddingAfter: Int) {
    self.size = size
    self.kernel = kernel
    self.stride = stride
    self.dilation = dilation
    self.paddingBefore = paddingBefore
    self.paddingAfter = paddingAfter
  }

  /// Elements from the first that the window covers to the last.
  package var extent: Int { dilation * (kernel - 1) + 1 }

  package var paddedSize: Int { paddingBefore + size + paddingAfter }

  /// Positions of the window; none when it does not fit.
  package var outputSize: Int { extent > paddedSize ? 0 : (paddedSize - extent) / stride + 1 }
}

/// A convolution as PyTorch defines it (a cross-correlation), or one of its two gradients, for fixed shapes and types:
///
///     y[b, i, j, o] = bias[o] + Σ over h, w, c of x[b, s·i + d·h − p, s·j + d·w − p, c] · W[o, c, h, w]
///
/// with stride s, dilation d and padding p of each axis, x being 0 outside. x is (B, H, W, C), y (B, H′, W′, O). The
/// master copy of W is (O, C / groups, h, w) float32; the products read and write it packed in a layout of the
/// algorithm's choice.
package struct ConvolutionShape: Hashable, Sendable {
  package enum Direction: Sendable {
    /// x, W → y.
    case forward
    /// dy, W → dx.
    case inputGradient
    /// x, dy → dW.
    case weightGradient
  }

  package var direction = Direction.forward
  package let batch: Int
  package let vertical: WindowAxis
  package let horizontal: WindowAxis
  /// Channels of x (C) and of y (O); each group of the first sees its own group of the second alone.
  package let channels: Int
  package let filters: Int
  package let groups: Int
  /// The type of x, of dx and of dy.
  package let inputs: ElementType
  /// The type of the result.
  package var output: ElementType
  package var hasBias = false
  /// Whether something of y's shape and type is added before the activation; only where `canAddShortcut`.
  package var addsShortcut = false
  package var activation = Activation.identity
  /// Whether dW is added to instead of replaced.
  package var accumulates = false
  /// To compare algorithms; nil for the one that suits the shape.
  package var chosenAlgorithm: ConvolutionAlgorithm?

  package init(
    batch: Int, vertical: WindowAxis, horizontal: WindowAxis, channels: Int, filters: Int, groups: Int = 1,
    inputs: ElementType, output: ElementType
  ) {
    precondition(channels % groups == 0 && filters % groups == 0)
    self.batch = batch
    self.vertical = vertical
    self.horizontal = horizontal
    self.channels = channels
    self.filters = filters
    self.groups = groups
    self.inputs = inputs
    self.output = output
  }

  package var inputCount: Int { batch * vertical.size * horizontal.size * channels }
  package var outputCount: Int { batch * vertical.outputSize * horizontal.outputSize * filters }
  package var weightCount: Int { filters * (channels / groups) * vertical.kernel * horizontal.kernel }

  /// Multiplications and additions, those with padding included.
  package var flops: Int { 2 * outputCount * (weightCount / filters) }

  /// The convolution that computes one of the gradients of this one.
  package func gradient(_ direction: Direction, accumulates: Bool = false) -> ConvolutionShape {
    var gradient = self
    gradient.direction = direction
    gradient.output = direction == .weightGradient ? .float32 : inputs
    gradient.hasBias = false
    gradient.addsShortcut = false
    gradient.activation = .identity
    gradient.accumulates = accumulates
    return gradient
  }

  /// Activations that are applied while a part of y is still in registers.
  package static let fusedActivations = PrimitiveAttributes.activations
}
