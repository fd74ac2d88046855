import Configuration

/// Every schedule that a configuration can name; adding one is its file and its line here.
package let scheduleCatalog = Catalog<any Schedule>(
  "schedule",
  [
    entry("constant", "the learning rate as it is", ConstantSchedule.init(from:)),
    entry("linear_warmup", "a linear rise, then constant", ConstantSchedule.init(warmingUp:)),
    entry(
      "cosine", "half a cosine from the learning rate to a share of it (Loshchilov and Hutter 2017)",
      CosineSchedule.init(from:)),
    entry("linear", "a straight line from the learning rate to a share of it", PolynomialSchedule.init(linear:)),
    entry("polynomial", "a power of the remaining share of the run", PolynomialSchedule.init(from:)),
    entry("step", "multiplied by gamma at regular times or at milestones", StepSchedule.init(from:)),
    entry(
      "inverse_square_root", "falling with the root of the step (Vaswani et al. 2017)",
      InverseSquareRootSchedule.init(from:)),
    entry(
      "warm_restarts", "cosines one after another, each from the top (SGDR, Loshchilov and Hutter 2017)",
      WarmRestartsSchedule.init(from:)),
    entry(
      "warmup_stable_decay", "constant until a last stretch of decay (WSD, Hu et al. 2024)",
      StableDecaySchedule.init(from:)),
    entry(
      "reduce_on_plateau", "multiplied by a factor when validation no longer improves", PlateauSchedule.init(from:)),
  ])

private func entry<Product: Schedule>(
  _ kind: String, _ documentation: String,
  _ make: @escaping @Sendable (SettingsReader) throws(ConfigurationError) -> Product
) -> CatalogEntry<any Schedule> {
  CatalogEntry(kind, documentation) { (reader) throws(ConfigurationError) in try make(reader) }
}
