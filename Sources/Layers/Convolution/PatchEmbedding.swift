import Configuration
import Kernels
import Tensors

/// y[b, t] = W·(patch t of image b) + b: an image as a sequence of vectors (Dosovitskiy et al. 2021, section 3.1).
///
/// x is (B, H, W, C), cut into T = H/p · W/p patches of p × p pixels, from left to right and then down. W is (D,
/// p·p·C), the numbers of a patch in the order of the image, channels last; b (D), y (B, T, D). Patches are cut again
/// for the backward pass instead of being kept.
package struct PatchEmbedding: ConfigurableLayer {
  package static let kind = "patch_embedding"

  package struct LayerSettings: Settings {
    package var patch: Int
    package var width: Int
    package var initializer: Initializer

    package init(patch: Int, width: Int, initializer: Initializer) {
      self.patch = patch
      self.width = width
      self.initializer = initializer
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      patch = try reader.integer("patch", in: 1...1024, "pixels along a side of a patch; it divides height and width")
      width = try reader.integer("width", in: 1...65_536, "length of a patch's vector")
      initializer = try reader.initializer(default: "glorot_uniform")
    }
  }

  private let settings: LayerSettings
  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape
  private let kernel: PatchKernel
  /// Patches of all images, and numbers in one.
  private let rows: Int
  private let inner: Int

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    let input = try Self.singleImages(inputs)
    let (height, width, p) = (input[1], input[2], settings.patch)
    guard height % p == 0, width % p == 0 else {
      throw LayerError(
        "an image of \(height) × \(width) pixels cannot be cut into patches of \(p) × \(p); "
          + "use a size that divides both sides")
    }
    rows = input[0] * (height / p) * (width / p)
    inner = p * p * input[3]
    guard let shape = TensorShape(checking: [input[0], rows / input[0], settings.width]),
      TensorShape(checking: [settings.width, inner]) != nil
    else { throw LayerError("patch_embedding of width \(settings.width) for \(input): too large") }
    self.settings = settings
    inputShapes = inputs
    outputShape = shape
    kernel = PatchKernel(images: input[0], height: height, width: width, channels: input[3], patch: p)
  }

  package var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration(
        "weight", TensorShape([settings.width, inner]), settings.initializer, fanIn: inner, fanOut: settings.width),
      ParameterDeclaration("bias", TensorShape([settings.width]), .zeros),
    ]
  }

  package var forwardFlops: Int { 2 * rows * inner * settings.width }

  /// Room for the patches.
  package func scratchByteCount(_ placement: LayerPlacement) -> Int {
    kernel.elementCount * placement.inputs.byteCount
  }

  package func matmuls(_ placement: LayerPlacement) -> [MatmulShape] {
    placement.linearProducts(
      rows: rows, columns: settings.width, inner: inner, hasBias: true, accumulatesInput: false)
  }

  private func patches(_ frame: Frame) -> TensorSlice {
    frame.scratch.reinterpreted(as: frame.input().type, count: kernel.elementCount)
  }

  package func forward(_ frame: Frame) {
    let patches = patches(frame)
    kernel.cut(frame.input(), into: patches, accumulate: false)
    frame.matmul(.forward).execute(patches, frame.bf16Weights(0), bias: frame.bias, into: frame.output)
  }

  package func backward(_ frame: Frame) {
    let patches = patches(frame)
    let dy = frame.outputGradient
    if let gradient = frame.biasGradient {
      ColumnSums.add(
        dy, rows: rows, columns: settings.width, into: gradient, accumulate: frame.accumulatesParameterGradient(1))
    }
    if let gradient = frame.weightGradient {
      kernel.cut(frame.input(), into: patches, accumulate: false)
      frame.matmul(.weightGradient).execute(dy, patches, into: gradient)
    }
    if let dx = frame.inputGradient() {
      frame.matmul(.inputGradient).execute(dy, frame.bf16Weights(0), into: patches)
      kernel.join(patches, into: dx, accumulate: frame.accumulatesInputGradient())
    }
  }

  package static let examples = [
    LayerExample(
      #"{"type": "patch_embedding", "patch": 2, "width": 19}"#, inputs: [[2, 4, 6, 3]], output: [2, 6, 19]),
    LayerExample(
      #"{"type": "patch_embedding", "patch": 5, "width": 8}"#, inputs: [[1, 5, 10, 7]], output: [1, 2, 8]),
    LayerExample(
      #"{"type": "patch_embedding", "patch": 1, "width": 3}"#, inputs: [[2, 3, 1, 1]], output: [2, 3, 3]),
  ]
}
