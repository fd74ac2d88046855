import Data

extension RunConfiguration {
  /// Opens the run's data and reports skipped samples.
  ///
  /// - Parameter standardization: of a checkpoint; computed from the data if nil.
  package func openData(standardization: Standardization? = nil, say: (String) -> Void) throws(DataError) -> Dataset {
    let data = try Dataset(opening: self.data, runSeed: seed, standardization: standardization)
    if let skipped = data.skipped { say(skipped.description) }
    return data
  }
}
