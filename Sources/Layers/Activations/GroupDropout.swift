import Kernels
import Tensors

/// Dropout that drops whole groups of elements, so that the mask is one factor per group: 0, or 1/(1 − rate).
package protocol GroupDropout: ConfigurableLayer {
  var rate: Double { get }
  var kernel: DropoutKernel { get }
  var groupCount: Int { get }
  /// y = x times the factor of each element's group, or y += it.
  func scale(_ x: TensorSlice, by factors: TensorSlice, into y: TensorSlice, accumulate: Bool)
}

extension GroupDropout {
  package static var traits: LayerTraits { LayerTraits(differsInTraining: true) }
  package var backwardReads: BackwardReads { [] }
  package var isReshape: Bool { rate == 0 }
  package func scratchByteCount(_ placement: LayerPlacement) -> Int { groupCount * ElementType.float32.byteCount }

  /// The same numbers forwards and backwards.
  private func factors(_ frame: Frame) -> TensorSlice {
    let factors = frame.scratch.reinterpreted(as: .float32, count: groupCount)
    Elementwise.fill(factors, with: 1)
    kernel.forward(factors, into: factors, stream: frame.random(.dropout))
    return factors
  }

  package func forward(_ frame: Frame) {
    if frame.isTraining {
      scale(frame.input(), by: factors(frame), into: frame.output, accumulate: false)
    } else {
      frame.output.copy(from: frame.input())
    }
  }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    scale(frame.outputGradient, by: factors(frame), into: dx, accumulate: frame.accumulatesInputGradient())
  }
}
