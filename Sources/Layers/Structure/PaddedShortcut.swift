import Configuration
import Kernels
import Tensors

/// The shortcut without parameters of He et al. 2015 (option A): every `stride`-th pixel, and zeros for the channels
/// that the branch has more.
///
/// x is (B, H, W, C), y (B, ⌈H/stride⌉, ⌈W/stride⌉, channels); the new channels follow the old ones.
package struct PaddedShortcut: ConfigurableLayer {
  package static let kind = "padded_shortcut"

  package struct LayerSettings: Settings {
    package var channels: Int
    package var stride = 1

    package init(channels: Int, stride: Int) {
      self.channels = channels
      self.stride = stride
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      channels = try reader.integer("channels", in: 1...1_000_000, "channels out, at least those that come in")
      stride = try reader.integer("stride", default: 1, in: 1...1024, "which pixels are kept, in both directions")
    }
  }

  package let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    guard input.rank == 4 else {
      throw LayerError("padded_shortcut expects images [B, H, W, C], got the shape \(input)")
    }
    guard settings.channels >= input.last else {
      throw LayerError(
        "padded_shortcut cannot go from \(input.last) channels to \(settings.channels): only more can be padded")
    }
    let extents = [1, 2].map { (input[$0] + settings.stride - 1) / settings.stride }
    guard let shape = TensorShape(checking: [input[0]] + extents + [settings.channels]) else {
      throw LayerError("padded_shortcut cannot have \(settings.channels) channels on an input of \(input): too large")
    }
    self.settings = settings
    inputShapes = inputs
    outputShape = shape
  }

  package var backwardReads: BackwardReads { [] }

  /// Calls `body` with the elements at which each pixel of the output and its pixel of the input begin.
  private func forEachPixel(_ body: (_ output: Int, _ input: Int) -> Void) {
    let input = inputShapes[0]
    var output = 0
    for image in 0..<outputShape[0] {
      for row in 0..<outputShape[1] {
        let line = (image * input[1] + row * settings.stride) * input[2]
        for column in 0..<outputShape[2] {
          body(output, (line + column * settings.stride) * input.last)
          output += settings.channels
        }
      }
    }
  }

  package func forward(_ frame: Frame) {
    let (x, y, kept) = (frame.input(), frame.output, inputShapes[0].last)
    forEachPixel { output, input in
      y.slice(output..<output + kept).copy(from: x.slice(input..<input + kept))
      y.slice(output + kept..<output + settings.channels).zero()
    }
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    let (dy, kept) = (frame.outputGradient, inputShapes[0].last)
    let isFirst = !frame.accumulatesInputGradient()
    if isFirst { dx.zero() }
    forEachPixel { output, input in
      Elementwise.contribute(
        dy.slice(output..<output + kept), to: dx.slice(input..<input + kept), first: isFirst)
    }
  }

  package static let examples = [
    LayerExample(
      #"{"type": "padded_shortcut", "channels": 7, "stride": 2}"#, inputs: [[2, 5, 4, 3]], output: [2, 3, 2, 7]),
    LayerExample(#"{"type": "padded_shortcut", "channels": 19}"#, inputs: [[2, 3, 3, 17]], output: [2, 3, 3, 19]),
  ]
}
