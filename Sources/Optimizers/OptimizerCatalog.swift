import Configuration

/// The "optimizer" object: an algorithm, and which parameters it trains how.
package struct OptimizerSettings: Sendable {
  package let optimizer: any Optimizer
  package let groups: ParameterGroups
}

/// Every optimizer that a configuration can name; adding one is its file and its line here.
package let optimizerCatalog = Catalog<OptimizerSettings>(
  "optimizer",
  [
    entry("sgd", "stochastic gradient descent, with momentum if wanted", SGD.init(from:)),
    entry("adam", "Adam (Kingma and Ba 2015); weight decay is added to the gradient", Adam.init(coupled:)),
    entry(
      "adamw", "Adam with decoupled weight decay (Loshchilov and Hutter 2019)", weightDecay: 0.01,
      Adam.init(decoupled:)),
    entry("rmsprop", "gradients divided by their running root mean square (Hinton 2012)", RMSProp.init(from:)),
    entry(
      "lion", "the sign of a running mean (Chen et al. 2023); needs a lower rate and more decay than AdamW",
      Lion.init(from:)),
  ])

/// - Parameter weightDecay: PyTorch's default for the optimizer.
private func entry<Product: Optimizer>(
  _ kind: String, _ documentation: String, weightDecay: Double = 0,
  _ make: @escaping @Sendable (SettingsReader) throws(ConfigurationError) -> Product
) -> CatalogEntry<OptimizerSettings> {
  CatalogEntry(kind, documentation) { (reader) throws(ConfigurationError) in
    OptimizerSettings(
      optimizer: try make(reader), groups: try ParameterGroups(from: reader, weightDecay: weightDecay))
  }
}
