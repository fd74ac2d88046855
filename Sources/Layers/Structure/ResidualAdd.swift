import Configuration
import Kernels
import Tensors

/// y = a + b: a shortcut and its residual branch (He et al. 2015). Both inputs receive dy.
package struct ResidualAdd: ConfigurableLayer {
  package static let kind = "add"

  package let inputShapes: [TensorShape]

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    guard inputs.count == 2 else { throw LayerError("add takes two inputs, got \(inputs.count)") }
    guard inputs[0] == inputs[1] else {
      throw LayerError("a residual block must end in the shape it began with: \(inputs[0]) against \(inputs[1])")
    }
    inputShapes = inputs
  }

  package var backwardReads: BackwardReads { [] }

  package func forward(_ frame: Frame) { Elementwise.add(frame.input(0), frame.input(1), into: frame.output) }

  package func backward(_ frame: Frame) {
    for i in 0..<2 {
      if let dx = frame.inputGradient(i) {
        Elementwise.contribute(frame.outputGradient, to: dx, first: !frame.accumulatesInputGradient(i))
      }
    }
  }

  package static let examples = [
    LayerExample(#"{"type": "add"}"#, inputs: [[3, 18], [3, 18]], output: [3, 18])
  ]
}
