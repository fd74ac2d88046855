import Arenas
import Configuration

/// (B, …) seen as (B, features): nothing moves.
package struct Flatten: ConfigurableLayer {
  package static let kind = "flatten"
  package typealias LayerSettings = NoSettings

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    guard inputs.count == 1, inputs[0].rank >= 1 else {
      throw LayerError("flatten takes one batch, got \(inputs.map(\.description).joined(separator: ", "))")
    }
    inputShapes = inputs
    outputShape = TensorShape([inputs[0][0], inputs[0].elementCount / inputs[0][0]])
  }

  package var backwardReads: BackwardReads { [] }
  package var forwardFlops: Int { 0 }
  package var isReshape: Bool { true }
  package func forward(_ frame: Frame) {}
  package func backward(_ frame: Frame) {}

  package static let examples = [
    LayerExample(#"{"type": "flatten"}"#, inputs: [[3, 4, 5]], output: [3, 20])
  ]
}
