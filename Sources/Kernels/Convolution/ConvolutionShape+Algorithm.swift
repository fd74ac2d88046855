import CPlatform

/// How a convolution is computed.
package enum ConvolutionAlgorithm: Sendable {
  /// By its definition, through oneDNN.
  case direct
  /// F(4×4, 3×3): see `WinogradConvolution`.
  case winograd
}

extension ConvolutionShape {
  /// Follows from the shape, the types and the instruction set alone, never from a measurement: algorithms round
  /// differently.
  package var algorithm: ConvolutionAlgorithm {
    if let chosenAlgorithm { return chosenAlgorithm }
    // Narrower registers cannot hold the products' sums, and AMX multiplies bfloat16 faster.
    guard allowsWinograd, troupe_compiled_for_avx512(), inputs == .float32 || !OneDNN.multipliesTiles else {
      return .direct
    }
    return winogradCost < directCost ? .winograd : .direct
  }

  /// Whether a shortcut can be added while a part of y is still in registers.
  package var canAddShortcut: Bool { algorithm == .winograd && direction == .forward }

  /// Whether windows are 3×3, next to one another, and channels whole vectors.
  package var allowsWinograd: Bool {
    func allows(_ axis: WindowAxis) -> Bool {
      axis.kernel == 3 && axis.stride == 1 && axis.dilation == 1 && axis.paddingBefore < axis.kernel
    }
    return allows(vertical) && allows(horizontal) && groups == 1 && channels % 16 == 0 && filters % 16 == 0
  }

  /// Multiply-adds of float32 that the direct algorithm takes the time of; of bfloat16 the CPU makes two in that time.
  private var directCost: Int { flops / (inputs == .bfloat16 ? 4 : 2) }

  /// The same for the products and transforms of the tiles, and for the transform of the weights or of their gradient.
  ///
  /// A tile's transforms take the time of about 320 multiply-adds of an input channel and 320 of an output channel (160
  /// if dW is computed, where dy is only read), those of the weights that of 150 for each pair of channels: measured on
  /// Zen 4, where the sum predicts the gain to about a fifth, from 3 times (64 channels or more) to 1.7 times (16) in
  /// float32.
  private var winogradCost: Int {
    let outputTransform = direction == .weightGradient ? 160 : 320
    let tile = WinogradTiling.products * channels * filters + 320 * channels + outputTransform * filters
    return WinogradTiling(self).count * tile + 150 * channels * filters
  }
}
