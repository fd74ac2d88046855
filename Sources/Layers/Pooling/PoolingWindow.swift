import Configuration
import Kernels
import Tensors

/// The window of a pooling layer, as PyTorch's `MaxPool2d` and `AvgPool2d` take it.
package struct PoolingWindow: Sendable {
  package var kernel: AxisPair
  package var stride: AxisPair
  package var padding: AxisPair

  /// - Parameter stride: the kernel's size if nil, so that windows lie side by side.
  package init(kernel: Int, stride: Int? = nil, padding: Int = 0) {
    self.kernel = AxisPair(kernel)
    self.stride = AxisPair(stride ?? kernel)
    self.padding = AxisPair(padding)
  }

  init(from reader: SettingsReader) throws(ConfigurationError) {
    kernel = try reader.kernel()
    stride =
      try reader.optionalPair("stride", in: 1...10_000, "pixels from one window to the next; kernel if absent")
      ?? kernel
    padding = try reader.pair(
      "padding", default: AxisPair(0), in: 0...5_000,
      "pixels that windows may reach over the edge, at most half of kernel")
    try reader.require(
      2 * padding.vertical <= kernel.vertical && 2 * padding.horizontal <= kernel.horizontal, "padding",
      "is more than half of \"kernel\": a window could lie outside the image altogether")
  }

  /// - Parameter input: a batch of images.
  /// - Throws: when the window does not fit.
  func shape(of kind: String, on input: TensorShape) throws(LayerError) -> PoolingShape {
    func axis(_ size: Int, _ path: KeyPath<AxisPair, Int>) -> WindowAxis {
      let padding = padding[keyPath: path]
      return WindowAxis(
        size: size, kernel: kernel[keyPath: path], stride: stride[keyPath: path], paddingBefore: padding,
        paddingAfter: padding)
    }
    let shape = PoolingShape(
      batch: input[0], vertical: axis(input[1], \.vertical), horizontal: axis(input[2], \.horizontal),
      channels: input.last)
    guard shape.vertical.outputSize > 0, shape.horizontal.outputSize > 0 else {
      throw LayerError(
        "\(kind)'s window of \(kernel.vertical)×\(kernel.horizontal) pixels is larger than the padded image "
          + "(\(shape.vertical.paddedSize)×\(shape.horizontal.paddedSize)); use a smaller kernel")
    }
    return shape
  }
}

extension PoolingShape {
  /// One window over the whole of each of some images (B, H, W, C).
  init(whole images: TensorShape) {
    func axis(_ size: Int) -> WindowAxis {
      WindowAxis(size: size, kernel: size, stride: 1, paddingBefore: 0, paddingAfter: 0)
    }
    self.init(batch: images[0], vertical: axis(images[1]), horizontal: axis(images[2]), channels: images.last)
  }

  /// (B, H′, W′, C).
  var output: TensorShape { TensorShape([batch, vertical.outputSize, horizontal.outputSize, channels]) }
}
