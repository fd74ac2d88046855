import Configuration
import Kernels
import Tensors

/// y = x ∗ W + b, then an activation if one was fused in: a window of weights slides over an image (LeCun et al. 1989).
///
/// x is (B, H, W, C), W (O, C / groups, h, w) as in PyTorch, b (O), y (B, H′, W′, O); the formula is at
/// `ConvolutionShape`. With as many groups as channels it is depthwise, with a kernel of 1 pointwise. The products run
/// through oneDNN on weights packed in its own layouts, one for y and one for dx, which `prepare` makes once per step.
package struct Conv2D: ConvolutionLayer {
  package static let kind = "conv2d"

  package struct LayerSettings: Settings {
    package var filters: Int
    package var kernel: AxisPair
    package var stride = AxisPair(1)
    /// Nil for as much as lets a stride of 1 keep the image's size, of an odd number the smaller half in front.
    package var padding: AxisPair? = AxisPair(0)
    package var dilation = AxisPair(1)
    /// Nil for one per channel.
    package var groups: Int? = 1
    package var hasBias = true
    package var initializer = Initializer.heNormal

    package init(filters: Int, kernel: AxisPair) {
      self.filters = filters
      self.kernel = kernel
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      filters = try reader.filters()
      kernel = try reader.kernel()
      stride = try reader.stride("pixels from one position of the window to the next")
      padding = try reader.pair(
        "padding", or: "same", default: AxisPair(0), in: SettingsReader.paddings,
        "zeros around the image; \"same\" keeps its size at a stride of 1")
      dilation = try reader.dilation("looks at")
      groups = try reader.integer(
        "groups", or: "depthwise", default: 1, in: SettingsReader.groupCounts,
        "parts of the channels that are independent of one another; \"depthwise\" for as many as there are channels")
      hasBias = try reader.bias()
      initializer = try reader.initializer(default: "he_normal")
    }
  }

  package let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  private(set) var activation = Activation.identity
  private let groups: Int
  private let vertical: WindowAxis
  private let horizontal: WindowAxis

  private var channels: Int { inputShapes[0].last }
  private var weightShape: TensorShape {
    TensorShape([settings.filters, channels / groups, settings.kernel.vertical, settings.kernel.horizontal])
  }
  private var rows: Int { outputShape.elementCount / settings.filters }

  package init(settings: LayerSettings, inputs shapes: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(shapes)
    self.settings = settings
    inputShapes = shapes
    let channels = input.last
    groups = settings.groups ?? channels
    guard channels % groups == 0, settings.filters % groups == 0 else {
      throw LayerError(
        "\(Self.kind) cannot divide \(channels) channels into \(settings.filters) filters in \(groups) groups: "
          + "both must be multiples of the groups")
    }
    vertical = Self.axis(input[1], settings, \.vertical)
    horizontal = Self.axis(input[2], settings, \.horizontal)
    guard vertical.outputSize > 0, horizontal.outputSize > 0 else {
      throw LayerError(
        "\(Self.kind)'s kernel covers \(vertical.extent)×\(horizontal.extent) pixels, more than the padded image has "
          + "(\(vertical.paddedSize)×\(horizontal.paddedSize)); use a smaller kernel, "
          + "less dilation or more padding")
    }
    guard
      let shape = TensorShape(checking: [input[0], vertical.outputSize, horizontal.outputSize, settings.filters]),
      TensorShape(
        checking: [settings.filters, channels / groups, settings.kernel.vertical, settings.kernel.horizontal]) != nil
    else { throw LayerError("\(Self.kind) cannot have \(settings.filters) filters on images of \(input): too large") }
    outputShape = shape
  }

  private static func axis(_ size: Int, _ settings: LayerSettings, _ axis: KeyPath<AxisPair, Int>) -> WindowAxis {
    let kernel = settings.kernel[keyPath: axis]
    let dilation = settings.dilation[keyPath: axis]
    let same = dilation * (kernel - 1)
    return WindowAxis(
      size: size, kernel: kernel, stride: settings.stride[keyPath: axis], dilation: dilation,
      paddingBefore: settings.padding?[keyPath: axis] ?? same / 2,
      paddingAfter: settings.padding?[keyPath: axis] ?? same - same / 2)
  }

  package var parameters: [ParameterDeclaration] {
    let window = settings.kernel.vertical * settings.kernel.horizontal
    let weight = ParameterDeclaration(
      "weight", weightShape, settings.initializer, fanIn: channels / groups * window, fanOut: settings.filters * window,
      isPrepared: true)
    let bias = ParameterDeclaration("bias", TensorShape([settings.filters]), .zeros)
    return settings.hasBias ? [weight, bias] : [weight]
  }

  package var backwardReads: BackwardReads { activation == .identity ? .inputs : [.inputs, .output] }
  package var forwardFlops: Int { shape(.float32).flops }
  package var canWidenOutput: Bool { activation == .identity }
  package var watchedActivation: Activation? { activation == .identity ? nil : activation }

  // MARK: What the plan provides

  func shape(_ type: ElementType, output: ElementType? = nil) -> ConvolutionShape {
    var shape = ConvolutionShape(
      batch: inputShapes[0][0], vertical: vertical, horizontal: horizontal, channels: channels,
      filters: settings.filters, groups: groups, inputs: type, output: output ?? type)
    shape.hasBias = settings.hasBias
    if ConvolutionShape.fusedActivations.contains(activation) { shape.activation = activation }
    return shape
  }

  package func convolutions(_ placement: LayerPlacement) -> [ConvolutionShape] {
    let forward = shape(placement.inputs, output: placement.output)
    guard placement.isTraining else { return [forward] }
    let weightGradient = forward.gradient(
      .weightGradient, accumulates: placement.accumulatesParameterGradient[0])
    return [forward, weightGradient] + (placement.needsInputGradient[0] ? [forward.gradient(.inputGradient)] : [])
  }

  /// Bytes of dy in the products' type, when the output is wider.
  private func narrowByteCount(_ placement: LayerPlacement) -> Int {
    placement.output == placement.inputs ? 0 : Arena.aligned(outputShape.elementCount * placement.inputs.byteCount)
  }

  /// Room for dy in the products' type, and behind it for the packed dW or for a dx that is then added.
  package func scratchByteCount(_ placement: LayerPlacement) -> Int {
    guard placement.isTraining else { return 0 }
    return narrowByteCount(placement) + gradientByteCount(placement)
  }

  // MARK: Running

  package func forward(_ frame: Frame) {
    frame.convolution(.forward).forward(
      frame.input(), packed: frame.packedWeights, bias: settings.hasBias ? frame.bias : nil, into: frame.output)
    if !ConvolutionShape.fusedActivations.contains(activation) { activation.apply(frame.output, into: frame.output) }
  }

  package func backward(_ frame: Frame) {
    let dy = frame.differentiatedOutput(
      activation, rows: rows, columns: settings.filters, bias: settings.hasBias ? 1 : nil)
    let isNarrowed = dy.address != frame.outputGradient.address
    let scratch = frame.scratch.bytes(from: isNarrowed ? Arena.aligned(dy.byteCount) : 0)
    if let weightGradient = frame.weightGradient {
      frame.convolution(.weightGradient).weightGradient(
        frame.input(), dy, through: scratch, into: weightGradient)
    }
    writeInputGradient(frame, scratch: scratch) { packed, dx in
      frame.convolution(.inputGradient).inputGradient(dy, packed: packed, into: dx)
    }
  }

  /// The input of an activation whose derivative follows from its output need not be kept. Batch norm is only fused
  /// where its statistics are fixed.
  package func fused(with next: any Layer, at input: Int, isTraining: Bool) -> (any Layer)? {
    if let norm = next as? BatchNorm { return isTraining ? nil : FoldedConv2D(self, norm) }
    guard let next = next as? ActivationLayer, activation == .identity, next.activation.derivativeFollowsFromOutput
    else { return nil }
    var fused = self
    fused.activation = next.activation
    return fused
  }

  package static let examples = [
    LayerExample(#"{"type": "conv2d", "filters": 5, "kernel": 3}"#, inputs: [[2, 5, 7, 3]], output: [2, 3, 5, 5]),
    LayerExample(
      #"{"type": "conv2d", "filters": 16, "kernel": 3, "padding": "same", "bias": false}"#, inputs: [[2, 4, 5, 16]],
      output: [2, 4, 5, 16]),
    LayerExample(
      #"{"type": "conv2d", "filters": 17, "kernel": [2, 4], "stride": [2, 3], "padding": [1, 2]}"#,
      inputs: [[1, 7, 9, 2]], output: [1, 4, 4, 17]),
    LayerExample(
      #"{"type": "conv2d", "filters": 4, "kernel": [4, 2], "padding": "same", "stride": 2}"#, inputs: [[2, 5, 6, 1]],
      output: [2, 3, 3, 4]),
    LayerExample(
      #"{"type": "conv2d", "filters": 3, "kernel": 3, "dilation": 2, "padding": 2}"#, inputs: [[2, 6, 5, 4]],
      output: [2, 6, 5, 3]),
    LayerExample(
      #"{"type": "conv2d", "filters": 6, "kernel": 3, "groups": 2, "padding": 1}"#, inputs: [[2, 4, 4, 4]],
      output: [2, 4, 4, 6]),
    LayerExample(
      #"{"type": "conv2d", "filters": 19, "kernel": 3, "groups": "depthwise", "padding": 1, "stride": 2}"#,
      inputs: [[2, 5, 5, 19]], output: [2, 3, 3, 19]),
    LayerExample(
      #"{"type": "conv2d", "filters": 21, "kernel": 1}"#, inputs: [[2, 3, 3, 33]], output: [2, 3, 3, 21]),
    LayerExample(
      #"{"type": "conv2d", "filters": 8, "kernel": 5, "padding": 4}"#, inputs: [[1, 2, 3, 2]], output: [1, 6, 7, 8]),
  ]
}
