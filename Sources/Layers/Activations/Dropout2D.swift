import Configuration
import Kernels
import Tensors

/// Sets whole channels of an image to 0, each with the probability `rate` in training, and scales the others by
/// 1/(1 − rate), so that nothing changes in evaluation (Tompson et al. 2015). Neighbouring pixels say much the same: without
/// one of them little is missing.
///
/// x and y are (B, H, W, C); each of the B·C channels is dropped by itself. The mask is drawn again in backward.
package struct Dropout2D: ConfigurableLayer {
  package static let kind = "dropout2d"
  package typealias LayerSettings = Dropout.LayerSettings

  package let rate: Double
  private let kernel: DropoutKernel
  package let inputShapes: [TensorShape]
  package var outputShape: TensorShape { inputShapes[0] }
  private var channels: Int { inputShapes[0].last }
  private var factorCount: Int { inputShapes[0][0] * channels }

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    _ = try Self.singleImages(inputs)
    rate = settings.rate
    kernel = DropoutKernel(probability: Float(rate))
    inputShapes = inputs
  }

  package var backwardReads: BackwardReads { [] }
  package var isReshape: Bool { rate == 0 }
  package func scratchByteCount(_ placement: LayerPlacement) -> Int { factorCount * ElementType.float32.byteCount }

  package func forward(_ frame: Frame) {
    if frame.isTraining {
      let factors = frame.dropoutFactors(kernel, count: factorCount)
      ColumnScale.apply(frame.input(), by: factors, columns: channels, into: frame.output, accumulate: false)
    } else {
      frame.output.copy(from: frame.input())
    }
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    let factors = frame.dropoutFactors(kernel, count: factorCount)
    ColumnScale.apply(
      frame.outputGradient, by: factors, columns: channels, into: dx, accumulate: frame.accumulatesInputGradient())
  }

  package static let examples = [
    LayerExample(#"{"type": "dropout2d", "rate": 0.3}"#, inputs: [[3, 2, 4, 19]], output: [3, 2, 4, 19]),
    LayerExample(#"{"type": "dropout2d"}"#, inputs: [[5, 1, 3, 16]], output: [5, 1, 3, 16]),
  ]
}
