import Configuration

/// Every schedule that a configuration can name.
package let scheduleCatalog = Catalog<any Schedule>(
  "schedule",
  [
    CatalogEntry("constant", "the learning rate as it is") {
      (reader) throws(ConfigurationError) in try ConstantSchedule(from: reader)
    },
    CatalogEntry("linear_warmup", "a linear rise, then constant") {
      (reader) throws(ConfigurationError) in try ConstantSchedule(warmingUp: reader)
    },
    CatalogEntry("cosine", "half a cosine from the learning rate to a share of it (Loshchilov and Hutter 2017)") {
      (reader) throws(ConfigurationError) in try CosineSchedule(from: reader)
    },
    CatalogEntry("linear", "a straight line from the learning rate to a share of it") {
      (reader) throws(ConfigurationError) in try PolynomialSchedule(linear: reader)
    },
    CatalogEntry("polynomial", "a power of the share of the run that is left") {
      (reader) throws(ConfigurationError) in try PolynomialSchedule(from: reader)
    },
    CatalogEntry("step", "multiplied by gamma at regular times or at milestones") {
      (reader) throws(ConfigurationError) in try StepSchedule(from: reader)
    },
    CatalogEntry("inverse_square_root", "falling with the root of the step (Vaswani et al. 2017)") {
      (reader) throws(ConfigurationError) in try InverseSquareRootSchedule(from: reader)
    },
    CatalogEntry("warm_restarts", "cosines one after another, each from the top (SGDR, Loshchilov and Hutter 2017)") {
      (reader) throws(ConfigurationError) in try WarmRestartsSchedule(from: reader)
    },
    CatalogEntry("warmup_stable_decay", "constant until a last stretch of decay (WSD, Hu et al. 2024)") {
      (reader) throws(ConfigurationError) in try StableDecaySchedule(from: reader)
    },
    CatalogEntry("reduce_on_plateau", "multiplied by a factor when validation no longer improves") {
      (reader) throws(ConfigurationError) in try PlateauSchedule(from: reader)
    },
  ])
