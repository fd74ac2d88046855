import Configuration
import Kernels
import Tensors

/// Images put together from their patches, the way back of `PatchEmbedding`'s cut (Peebles and Xie 2023, section 3.2).
///
/// x is (B, T, p·p·C): T = H/p · W/p patches, from left to right and then down, the numbers of each in the order of the
/// image, channels last. y is (B, H, W, C).
package struct Unpatchify: ConfigurableLayer {
  package static let kind = "unpatchify"

  package struct LayerSettings: Settings {
    package var patch: Int
    package var height: Int
    package var width: Int

    package init(patch: Int, height: Int, width: Int) {
      (self.patch, self.height, self.width) = (patch, height, width)
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      patch = try reader.integer("patch", in: 1...1024, "pixels along a side of a patch")
      height = try reader.integer("height", in: 1...65_536, "pixels of the image from top to bottom")
      width = try reader.integer("width", in: 1...65_536, "pixels of the image from left to right")
      try reader.require(
        height % patch == 0 && width % patch == 0, "patch",
        "patches of \(patch) × \(patch) pixels do not fill an image of \(height) × \(width)")
    }
  }

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  private let kernel: PatchKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.single(inputs)
    let (height, width, p) = (settings.height, settings.width, settings.patch)
    guard height % p == 0, width % p == 0 else {
      throw LayerError("patches of \(p) × \(p) pixels do not fill an image of \(height) × \(width)")
    }
    let count = (height / p) * (width / p)
    guard input.rank == 3, input[1] == count, input[2] % (p * p) == 0 else {
      throw LayerError(
        "unpatchify expects (batch, \(count), a multiple of \(p * p)) for images of \(height) × \(width) pixels in "
          + "patches of \(p) × \(p), got \(input)")
    }
    inputShapes = inputs
    outputShape = TensorShape([input[0], height, width, input[2] / (p * p)])
    kernel = PatchKernel(images: input[0], height: height, width: width, channels: outputShape.last, patch: p)
  }

  package var backwardReads: BackwardReads { [] }
  package var canWidenOutput: Bool { true }
  package var forwardFlops: Int { 0 }

  package func forward(_ frame: Frame) { kernel.join(frame.input(), into: frame.output, accumulate: false) }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    kernel.cut(frame.outputGradient, into: dx, accumulate: frame.accumulatesInputGradient())
  }

  package static let examples = [
    LayerExample(
      #"{"type": "unpatchify", "patch": 2, "height": 4, "width": 6}"#, inputs: [[2, 6, 12]], output: [2, 4, 6, 3]),
    LayerExample(
      #"{"type": "unpatchify", "patch": 5, "height": 5, "width": 10}"#, inputs: [[1, 2, 25]], output: [1, 5, 10, 1]),
  ]
}
