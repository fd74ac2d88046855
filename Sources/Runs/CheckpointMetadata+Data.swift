import Checkpoints
import Configuration
import Data
import Foundation
import JSON
import Tokenizers

extension RunConfiguration {
  /// Opens the run's data, and says what they leave out.
  ///
  /// - Parameter standardization: what a checkpoint carries, instead of computing it again.
  package func openData(standardization: Standardization? = nil, say: (String) -> Void) throws(DataError) -> Dataset {
    let data = try Dataset(opening: self.data, runSeed: seed, standardization: standardization)
    if let skipped = data.skipped { say(skipped.description) }
    return data
  }
}

extension CheckpointMetadata {
  /// The standardisation that the checkpoint's run computed from its training data.
  package func standardization() throws(ConfigurationError) -> Standardization? {
    guard let text = texts["standardization"] else { return nil }
    let json = try JSONParser.parse(text, file: "standardization")
    func numbers(_ key: String) -> [Float]? {
      guard let elements = json[key]?.array else { return nil }
      let numbers = elements.compactMap { $0.double.map { Float($0) } }
      return numbers.count == elements.count ? numbers : nil
    }
    guard let mean = numbers("mean"), let deviation = numbers("deviation"),
      let standardization = Standardization(mean: mean, deviation: deviation)
    else {
      throw ConfigurationError(
        path: "standardization",
        message: "is not a list of means and one of as many deviations above 0 in the checkpoint")
    }
    return standardization
  }

  /// What makes tokens of text for the checkpoint's model; nil where it was trained on no text.
  package func tokenizer(of file: URL) throws(RunError) -> Tokenizer? {
    guard let text = texts["tokenizer"] else { return nil }
    do throws(TokenizerError) {
      return try Tokenizer(text: Array(text.utf8))
    } catch {
      throw RunError("\(file.lastPathComponent): its tokenizer cannot be read: \(error)")
    }
  }

  /// Refuses data whose tokens mean something else to the checkpoint's model.
  package func checkTokenizer(_ data: Dataset, of file: URL) throws(RunError) {
    guard let tokenizer = try tokenizer(of: file), let other = data.tokenizer, other.digest != tokenizer.digest else {
      return
    }
    throw RunError(
      .configuration,
      "\(data.name): its tokenizer (\(other.summary)) is not that of \(file.lastPathComponent) (\(tokenizer.summary)); "
        + "restore the texts and tokenizer that the run was trained with")
  }
}
