import Configuration
import Kernels
import Tensors

/// The plain recurrent network (Elman 1990), as `torch.nn.RNN` computes it: h ← f(x·W_iᵀ + b_i + h·W_hᵀ + b_h).
///
/// x is (B, T, D), the output (B, T, units), twice as wide if bidirectional.
package struct RNN: RecurrentLayer {
  package static let kind = "rnn"
  package static let traits = LayerTraits(difference: 1e-3)

  /// f.
  package enum Nonlinearity: String, CaseIterable, Sendable {
    case tanh, relu

    var cell: RecurrentCellKind { self == .tanh ? .tanh : .relu }
  }

  package struct LayerSettings: Settings {
    package var recurrent: RecurrentSettings
    package var nonlinearity = Nonlinearity.tanh

    package init(_ recurrent: RecurrentSettings, nonlinearity: Nonlinearity = .tanh) {
      self.recurrent = recurrent
      self.nonlinearity = nonlinearity
    }

    package init(from reader: SettingsReader) throws(ConfigurationError) {
      recurrent = try RecurrentSettings(from: reader)
      nonlinearity = try reader.choice("nonlinearity", default: .tanh, "what the sum of the products goes through")
    }
  }

  package let stack: RecurrentStack

  package init(settings: LayerSettings, inputs: [TensorShape]) throws(LayerError) {
    stack = try RecurrentStack(
      Self.kind, settings.nonlinearity.cell, settings.recurrent, input: try Self.single(inputs))
  }

  package static let examples =
    RecurrentStack.examples(of: kind) + [
      LayerExample(
        #"{"type": "rnn", "units": 5, "nonlinearity": "relu", "layers": 2}"#, inputs: [[3, 4, 6]], output: [3, 4, 5])
    ]
}
