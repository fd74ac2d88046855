import Configuration
import Kernels

/// The settings that recurrent layers share; the keys are PyTorch's ideas under the names used here.
package struct RecurrentSettings: Settings {
  package var units: Int
  package var layers = 1
  package var isBidirectional = false
  /// Between layers.
  package var dropout = 0.0
  package var hasBias = true
  /// Whether a pass in training resumes from the state after the pass before.
  package var carries = false
  /// Of the weights; nil for PyTorch's, uniform within ±1/√units. Biases always start as PyTorch's do.
  package var initializer: Initializer?

  package init(units: Int) { self.units = units }

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    units = try reader.integer("units", in: 1...100_000, "size of the hidden state, in each direction")
    layers = try reader.integer("layers", default: 1, in: 1...100, "layers, each over the outputs of the one before")
    isBidirectional = try reader.boolean(
      "bidirectional", default: false, "whether a second network runs from the end to the start, its outputs beside")
    dropout = try reader.number(
      "dropout", default: 0, in: 0...0.999, "the probability that an output between two layers is set to 0")
    hasBias = try reader.boolean("bias", default: true, "whether biases are added")
    carries = try reader.boolean(
      "carry", default: false,
      "whether training resumes from the state after the piece of the sequence before (truncated back-propagation)")
    initializer = try reader.optionalComponent(
      "initializer", from: initializerCatalog,
      "how weights start; uniform within 1 / √units if not written, as biases always do")
  }
}
