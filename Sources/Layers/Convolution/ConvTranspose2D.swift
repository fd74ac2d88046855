import Configuration
import Kernels
import Tensors

/// A transposed convolution, as PyTorch's `ConvTranspose2d`: every pixel of x writes a window of weights into y, and
/// where windows overlap they add up (Zeiler et al. 2010).
///
/// It is the input gradient of a convolution that takes y to x, so forward and backward pass of `Conv2D` change places:
///
///     y = x ∗ᵀ W + b      dx = dy ∗ W      dW = the weight gradient with dy for the image and x for its gradient
///
/// x is (B, H, W, C), W (C, O / groups, h, w), b (O), y (B, H′, W′, O) with
/// H′ = (H − 1)·stride − 2·padding + dilation·(h − 1) + output_padding + 1.
package struct ConvTranspose2D: ConvolutionLayer {
  package static let kind = "conv_transpose2d"

  package struct LayerSettings: Settings {
    package var filters: Int
    package var kernel: AxisPair
    package var stride = AxisPair(1)
    package var dilation = AxisPair(1)
    package var padding = AxisPair(0)
    package var outputPadding = AxisPair(0)
    package var groups = 1
    package var hasBias = true
    package var initializer = Initializer.heNormal

    package init(filters: Int, kernel: AxisPair) {
      self.filters = filters
      self.kernel = kernel
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      filters = try reader.filters()
      kernel = try reader.kernel()
      stride = try reader.stride("pixels of y from one window to the next")
      padding = try reader.pair(
        "padding", default: AxisPair(0), in: SettingsReader.paddings, "pixels that are cut off on each side of y")
      outputPadding = try reader.pair(
        "output_padding", default: AxisPair(0), in: SettingsReader.paddings,
        "pixels added at the end of y, fewer than \"stride\"")
      dilation = try reader.dilation("writes")
      groups = try reader.integer(
        "groups", default: 1, in: SettingsReader.groupCounts,
        "parts of the channels that are independent of one another")
      hasBias = try reader.bias()
      initializer = try reader.initializer(default: "he_normal")
    }
  }

  package let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  private let vertical: WindowAxis
  private let horizontal: WindowAxis

  private var channels: Int { inputShapes[0].last }
  private var weightShape: TensorShape {
    TensorShape([channels, settings.filters / settings.groups, settings.kernel.vertical, settings.kernel.horizontal])
  }

  package init(settings: LayerSettings, inputs shapes: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(shapes)
    guard input.last % settings.groups == 0, settings.filters % settings.groups == 0 else {
      throw LayerError(
        "\(Self.kind) cannot divide \(input.last) channels into \(settings.filters) filters in \(settings.groups) "
          + "groups: both must be multiples of the groups")
    }
    self.settings = settings
    inputShapes = shapes
    vertical = try Self.axis(input[1], settings, \.vertical)
    horizontal = try Self.axis(input[2], settings, \.horizontal)
    guard let shape = TensorShape(checking: [input[0], vertical.size, horizontal.size, settings.filters]),
      TensorShape(
        checking: [
          input.last, settings.filters / settings.groups, settings.kernel.vertical, settings.kernel.horizontal,
        ]) != nil
    else { throw LayerError("\(Self.kind) cannot have \(settings.filters) filters on images of \(input): too large") }
    outputShape = shape
  }

  /// An axis of the convolution that takes y to x.
  private static func axis(
    _ size: Int, _ settings: LayerSettings, _ axis: KeyPath<AxisPair, Int>
  ) throws(LayerError) -> WindowAxis {
    let (stride, padding) = (settings.stride[keyPath: axis], settings.padding[keyPath: axis])
    let dilation = settings.dilation[keyPath: axis]
    let reach = dilation * (settings.kernel[keyPath: axis] - 1)
    let more = settings.outputPadding[keyPath: axis]
    guard more < stride else {
      throw LayerError(
        "\(Self.kind)'s output_padding \(more) must be smaller than its stride \(stride)")
    }
    let outputSize = (size - 1) * stride - 2 * padding + reach + more + 1
    guard padding <= reach, outputSize > 0 else {
      throw LayerError(
        "\(Self.kind)'s padding \(padding) leaves nothing of \(size) windows of \(reach + 1) pixels; use a smaller one")
    }
    return WindowAxis(
      size: outputSize, kernel: settings.kernel[keyPath: axis], stride: stride, dilation: dilation,
      paddingBefore: padding, paddingAfter: padding)
  }

  /// PyTorch counts the fan in of W's second dimension, here as there.
  package var parameters: [ParameterDeclaration] {
    let window = settings.kernel.vertical * settings.kernel.horizontal
    let weight = ParameterDeclaration(
      "weight", weightShape, settings.initializer, fanIn: settings.filters / settings.groups * window,
      fanOut: channels * window, isPrepared: true)
    let bias = ParameterDeclaration("bias", TensorShape([settings.filters]), .zeros)
    return settings.hasBias ? [weight, bias] : [weight]
  }

  package var forwardFlops: Int { shape(.float32).flops }

  // MARK: What the plan provides

  /// The convolution that takes y to x.
  private func shape(_ type: ElementType) -> ConvolutionShape {
    ConvolutionShape(
      batch: inputShapes[0][0], vertical: vertical, horizontal: horizontal, channels: settings.filters,
      filters: channels, groups: settings.groups, inputs: type, output: type)
  }

  package func convolutions(_ placement: LayerPlacement) -> [ConvolutionShape] {
    let backwards = shape(placement.inputs)
    let forward = backwards.gradient(.inputGradient)
    guard placement.isTraining else { return [forward] }
    let weightGradient = backwards.gradient(
      .weightGradient, accumulates: placement.accumulatesParameterGradient[0])
    return [forward, weightGradient] + (placement.needsInputGradient[0] ? [backwards] : [])
  }

  package func scratchByteCount(_ placement: LayerPlacement) -> Int {
    placement.isTraining ? gradientByteCount(placement) : 0
  }

  // MARK: Running

  package func forward(_ frame: Frame) {
    frame.convolution(.forward).inputGradient(
      frame.input(), packed: frame.packedWeights, into: frame.output)
    if settings.hasBias {
      ColumnShift.apply(frame.output, by: frame.bias, columns: settings.filters, into: frame.output)
    }
  }

  package func backward(_ frame: Frame) {
    let dy = frame.outputGradient
    if settings.hasBias, let biasGradient = frame.biasGradient {
      ColumnSums.add(
        dy, rows: dy.count / settings.filters, columns: settings.filters, into: biasGradient,
        accumulate: frame.accumulatesParameterGradient(1))
    }
    if let weightGradient = frame.weightGradient {
      frame.convolution(.weightGradient).weightGradient(
        dy, frame.input(), through: frame.scratch, into: weightGradient)
    }
    writeInputGradient(frame, scratch: frame.scratch) { packed, dx in
      frame.convolution(.inputGradient).forward(dy, packed: packed, bias: nil, into: dx)
    }
  }

  package static let examples = [
    LayerExample(
      #"{"type": "conv_transpose2d", "filters": 5, "kernel": 3}"#, inputs: [[2, 3, 5, 4]], output: [2, 5, 7, 5]),
    LayerExample(
      #"{"type": "conv_transpose2d", "filters": 16, "kernel": 4, "stride": 2, "padding": 1}"#,
      inputs: [[2, 3, 4, 16]], output: [2, 6, 8, 16]),
    LayerExample(
      #"{"type": "conv_transpose2d", "filters": 16, "kernel": 3, "padding": 1, "bias": false}"#,
      inputs: [[2, 9, 6, 16]], output: [2, 9, 6, 16]),
    LayerExample(
      #"""
      {"type": "conv_transpose2d", "filters": 7, "kernel": [3, 2], "stride": [2, 3], "padding": [1, 0],
       "output_padding": [1, 2]}
      """#, inputs: [[1, 4, 3, 3]], output: [1, 8, 10, 7]),
    LayerExample(
      #"{"type": "conv_transpose2d", "filters": 6, "kernel": 3, "dilation": 2, "groups": 2}"#,
      inputs: [[2, 3, 2, 4]], output: [2, 7, 6, 6]),
  ]
}
