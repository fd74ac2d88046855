import Configuration
import Kernels
import Tensors

/// Long short-term memory (Hochreiter and Schmidhuber 1997) with forget gates (Gers et al. 2000), as `torch.nn.LSTM`
/// computes it.
///
///     i, f, o = σ(x·W_iᵀ + b_i + h·W_hᵀ + b_h)    g = tanh(…)    c ← f·c + i·g    h ← o·tanh(c)
///
/// x is (B, T, D), the output (B, T, units), twice as wide if bidirectional; weights hold the gates in the order i, f,
/// g, o.
package struct LSTM: RecurrentLayer {
  package static let kind = "lstm"

  package let stack: RecurrentStack

  package init(settings: RecurrentSettings, inputs: [TensorShape]) throws(LayerError) {
    stack = try RecurrentStack(Self.kind, .lstm, settings, input: try Self.single(inputs))
  }

  package static let examples = RecurrentStack.examples(of: kind)
}
