import Configuration
import Kernels
import Tensors

/// y = x + gate·f: a residual branch weighted by a condition (Peebles and Xie 2023, section 3.2). Where gates start at
/// 0 ("adaLN-Zero"), so does every block as the identity.
///
///     dx = dy      df = gate·dy      dgate[b] = Σ over the tokens of dy·f
///
/// Inputs are x and f, (B, T, D), and m, (B, parts·D), of which one part is the gate. y is (B, T, D).
package struct GatedAdd: ConfigurableLayer {
  package static let kind = "gated_add"

  package struct LayerSettings: Settings {
    package var gate: Int

    package init(gate: Int) { self.gate = gate }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      gate = try reader.integer("gate", default: 0, in: 0...63, "the part of the third input that is the gate")
    }
  }

  private let settings: LayerSettings
  package let inputShapes: [TensorShape]
  private let kernel: ModulationKernel

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    guard inputs.count == 3 else { throw LayerError("\(Self.kind) takes three inputs, got \(inputs.count)") }
    guard inputs[0] == inputs[1] else {
      throw LayerError("a residual block must end in the shape it began with: \(inputs[0]) against \(inputs[1])")
    }
    kernel = try .modulating(inputs[0], by: inputs[2], needing: settings.gate + 1, for: Self.kind)
    self.settings = settings
    inputShapes = inputs
  }

  package var backwardReads: BackwardReads { [.input(1), .input(2)] }
  package var forwardFlops: Int { 2 * outputShape.elementCount }

  package func forward(_ frame: Frame) {
    kernel.add(frame.input(1), to: frame.input(0), by: frame.input(2), gate: settings.gate, into: frame.output)
  }

  package func backward(_ frame: Frame) {
    let dy = frame.outputGradient
    if let dm = frame.modulationGradient(2) {
      kernel.gateGradient(frame.input(1), dy: dy, gate: settings.gate, into: dm)
    }
    if let df = frame.inputGradient(1) {
      kernel.gate(
        dy, by: frame.input(2), gate: settings.gate, into: df, accumulate: frame.accumulatesInputGradient(1))
    }
    if let dx = frame.inputGradient(0) {
      Elementwise.contribute(dy, to: dx, first: !frame.accumulatesInputGradient(0))
    }
  }

  package static let examples = [
    LayerExample(
      #"{"type": "gated_add", "gate": 1}"#, inputs: [[3, 5, 19], [3, 5, 19], [3, 38]], output: [3, 5, 19]),
    LayerExample(#"{"type": "gated_add"}"#, inputs: [[2, 1, 32], [2, 1, 32], [2, 32]], output: [2, 1, 32]),
  ]
}
