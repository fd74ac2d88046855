import Kernels

/// The input seen in another shape: nothing moves.
package protocol ReshapingLayer: ConfigurableLayer {}

extension ReshapingLayer {
  package var backwardReads: BackwardReads { [] }
  package var forwardFlops: Int { 0 }
  package var isReshape: Bool { true }

  package func forward(_ frame: Frame) { frame.output.copy(from: frame.input()) }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    Elementwise.contribute(frame.outputGradient, to: dx, first: !frame.accumulatesInputGradient())
  }
}
