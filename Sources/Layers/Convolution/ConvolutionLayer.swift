import Kernels
import Tensors

/// A convolution or a transposed one: packed weights for y and for dx, and the products of a linear map.
package protocol ConvolutionLayer: ConfigurableLayer {}

extension ConvolutionLayer {
  package func prepared(_ placement: LayerPlacement) -> [Int] {
    convolutions(placement).filter { $0.direction != .weightGradient }.map(\.demand.packedByteCount)
  }

  package func prepare(_ frame: Frame) {
    frame.convolution(.forward).pack(frame.weight, into: frame.packedWeights)
    if let packed = frame.packedGradientWeights { frame.convolution(.inputGradient).pack(frame.weight, into: packed) }
  }

  /// Room for the packed dW, or for a dx that is then added.
  func gradientByteCount(_ placement: LayerPlacement) -> Int {
    let weightGradient = convolutions(placement)[Frame.LinearProduct.weightGradient.rawValue].demand.packedByteCount
    let inputGradient =
      placement.accumulatesInputGradient[0] ? inputShapes[0].elementCount * placement.inputs.byteCount : 0
    return max(weightGradient, inputGradient)
  }

  /// Lets `write` compute dx, or a summand of dx in the scratch.
  func writeInputGradient(
    _ frame: Frame, scratch: TensorSlice, _ write: (_ packed: TensorSlice, _ dx: TensorSlice) -> Void
  ) {
    guard let dx = frame.inputGradient(), let packed = frame.packedGradientWeights else { return }
    let adds = frame.accumulatesInputGradient()
    let target = adds ? scratch.reinterpreted(as: dx.type, count: dx.count) : dx
    write(packed, target)
    if adds { Elementwise.contribute(target, to: dx, first: false) }
  }
}

extension Frame {
  /// The weights as the forward convolution reads them.
  var packedWeights: TensorSlice { prepared(0) }
  /// The weights as the convolution that gives dx reads them; nil where dx is not wanted.
  fileprivate var packedGradientWeights: TensorSlice? { preparedIfAny(1) }
}
