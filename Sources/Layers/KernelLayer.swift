import Kernels

/// A layer of one input whose passes are those of its kernel.
package protocol KernelLayer: ConfigurableLayer {
  associatedtype Kernel: UnaryKernel
  var kernel: Kernel { get }
}

extension KernelLayer {
  package func forward(_ frame: Frame) { kernel.forward(frame.input(), into: frame.output) }

  package func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient() else { return }
    kernel.backward(
      frame.input(), y: frame.output, dy: frame.outputGradient, into: dx, accumulate: frame.accumulatesInputGradient())
  }
}
