import Configuration
import Kernels
import Tensors

/// A stack of recurrent layers: a kind of cell, and everything else as `RecurrentStack` does it.
package protocol RecurrentLayer: ConfigurableLayer {
  var stack: RecurrentStack { get }
}

extension RecurrentLayer {
  package static var traits: LayerTraits { LayerTraits(difference: 3e-3) }
  package var inputShapes: [TensorShape] { [stack.inputShape] }
  package var outputShape: TensorShape { stack.outputShape }
  package var parameters: [ParameterDeclaration] { stack.parameters }
  package var saved: [TensorShape] { stack.saved }
  package var forwardFlops: Int { stack.forwardFlops }
  package func sequenceState(_ placement: LayerPlacement) -> [SequenceStateDeclaration] {
    stack.sequenceState(placement)
  }
  package func scratchByteCount(_ placement: LayerPlacement) -> Int { stack.scratch(placement).byteCount }
  package func matmuls(_ placement: LayerPlacement) -> [MatmulShape] { stack.matmuls(placement) }
  package func prepared(_ placement: LayerPlacement) -> [Int] { stack.prepared(placement) }

  package func prepare(_ frame: Frame) { stack.prepare(frame) }
  package func forward(_ frame: Frame) { stack.forward(frame) }
  package func backward(_ frame: Frame) { stack.backward(frame) }
}
