import Configuration

/// The "optimizer" object: an algorithm, and which parameters it trains how.
package struct OptimizerSettings: Sendable {
  package let optimizer: any Optimizer
  package let groups: ParameterGroups
}

/// Every optimizer that a configuration can name.
package let optimizerCatalog = Catalog<OptimizerSettings>(
  "optimizer",
  [
    entry("sgd", "stochastic gradient descent, with momentum if wanted") {
      (reader) throws(ConfigurationError) in try SGD(from: reader)
    },
    entry("adam", "Adam (Kingma and Ba 2015); weight decay is added to the gradient") {
      (reader) throws(ConfigurationError) in try Adam(from: reader, decay: .coupled)
    },
    entry("adamw", "Adam with decoupled weight decay (Loshchilov and Hutter 2019)", weightDecay: 0.01) {
      (reader) throws(ConfigurationError) in try Adam(from: reader, decay: .decoupled)
    },
    entry("rmsprop", "gradients divided by their running root mean square (Hinton 2012)") {
      (reader) throws(ConfigurationError) in try RMSProp(from: reader)
    },
    entry("lion", "the sign of a running mean (Chen et al. 2023); wants a lower rate and more decay than AdamW") {
      (reader) throws(ConfigurationError) in try Lion(from: reader)
    },
  ])

/// - Parameter weightDecay: PyTorch's default for the optimizer.
private func entry(
  _ kind: String, _ documentation: String, weightDecay: Double = 0,
  _ make: @escaping @Sendable (SettingsReader) throws(ConfigurationError) -> any Optimizer
) -> CatalogEntry<OptimizerSettings> {
  CatalogEntry(kind, documentation) { (reader) throws(ConfigurationError) in
    OptimizerSettings(
      optimizer: try make(reader), groups: try ParameterGroups(from: reader, weightDecay: weightDecay))
  }
}
