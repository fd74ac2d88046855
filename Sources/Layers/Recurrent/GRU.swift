import Configuration
import Kernels
import Tensors

/// Gated recurrent unit (Cho et al. 2014), as `torch.nn.GRU` computes it: r weighs the recurrent product with its bias.
///
///     r, z = σ(x·W_iᵀ + b_i + h·W_hᵀ + b_h)    n = tanh(x·W_inᵀ + b_in + r·(h·W_hnᵀ + b_hn))    h ← (1 − z)·n + z·h
///
/// x is (B, T, D), the output (B, T, units), twice as wide if bidirectional; weights hold the gates in the order r, z,
/// n.
package struct GRU: RecurrentLayer {
  package static let kind = "gru"

  package let stack: RecurrentStack

  package init(settings: RecurrentSettings, inputs: [TensorShape]) throws(LayerError) {
    stack = try RecurrentStack(Self.kind, .gru, settings, input: try Self.single(inputs))
  }

  package static let examples = RecurrentStack.examples(of: kind)
}
