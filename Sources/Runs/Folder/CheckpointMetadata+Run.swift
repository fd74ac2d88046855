import Checkpoints
import Configuration
import Data
import Foundation
import JSON
import Tokenizers

/// The run that a checkpoint belongs to: encoded in `init`, decoded by the functions below it.
extension CheckpointMetadata {
  /// - Parameter tokenizer: the text of the data's tokenizer, which is long; callers make it once.
  package init(
    _ state: RunState, _ configuration: RunConfiguration, _ data: Dataset, build: String, tokenizer: String?
  ) {
    self.init(step: state.step)
    self.build = build
    self.configuration = configuration.resolved.prettyText
    dataFingerprint = data.fingerprint
    fields = data.fields.json.compactText
    sourceFields = data.source.fields.json.compactText
    standardization = data.standardization.map { $0.json.compactText }
    self.state = state.json.compactText
    self.tokenizer = tokenizer
  }

  /// - Parameter file: the checkpoint, for error messages, here and below.
  package func configuration(of file: URL) throws -> RunConfiguration {
    guard let configuration = try decode(\.configuration, of: file, RunConfiguration.init(_:)) else {
      throw RunError("\(file.path): the configuration of its run is missing")
    }
    return configuration
  }

  /// The state of the run after the checkpoint's step.
  package func runState(of file: URL) throws -> RunState {
    guard let state = try decode(\.state, of: file, RunState.init(json:)) else {
      throw RunError("\(file.path): the state of its run is missing")
    }
    guard state.step == step else {
      throw RunError("\(file.path): the checkpoint is of step \(step), the state in it of step \(state.step)")
    }
    return state
  }

  /// The fields of the samples that the model reads.
  package func fields(of file: URL) throws -> [SampleField] {
    guard let fields = try decode(\.fields, of: file, SampleField.fields(of:)) else {
      throw RunError(
        .configuration,
        "\(file.lastPathComponent): the checkpoint does not describe its samples; resume the run to write one that does"
      )
    }
    return fields
  }

  /// The fields of the samples before augmentation; nil in checkpoints of versions that did not store them.
  package func sourceFields(of file: URL) throws(ConfigurationError) -> [SampleField]? {
    try decode(\.sourceFields, of: file, SampleField.fields(of:))
  }

  /// The standardization that the run computed from its training data.
  package func standardization(of file: URL) throws(ConfigurationError) -> Standardization? {
    try decode(\.standardization, of: file, Standardization.init(json:))
  }

  /// The tokenizer of the model; nil if it was not trained on text.
  package func tokenizer(of file: URL) throws(RunError) -> Tokenizer? {
    guard let tokenizer else { return nil }
    do throws(TokenizerError) {
      return try Tokenizer(text: Array(tokenizer.utf8))
    } catch {
      throw RunError("\(Self.place(of: \.tokenizer, in: file)): \(error)")
    }
  }

  /// Refuses data with another tokenizer than the checkpoint's model.
  package func checkTokenizer(_ data: Dataset, of file: URL) throws(RunError) {
    guard let tokenizer = try tokenizer(of: file), let other = data.tokenizer, other.digest != tokenizer.digest else {
      return
    }
    throw RunError(
      .configuration,
      "\(data.name): its tokenizer (\(other.summary)) is not that of \(file.lastPathComponent) (\(tokenizer.summary)); "
        + "restore the texts and tokenizer that the run was trained with")
  }

  /// Refuses other data than the checkpoint's model was trained on.
  package func checkFingerprint(_ data: Dataset, of file: URL) throws(RunError) {
    guard dataFingerprint != data.fingerprint else { return }
    throw RunError(
      "\(data.name): not the data that \(file.lastPathComponent) was trained on (fingerprint \(data.fingerprint), "
        + "expected \(dataFingerprint ?? "none")); restore them or start over with --fresh")
  }

  /// Refuses data whose classes have other names than those of the checkpoint's model, or whose features have other
  /// offsets.
  package func checkClasses(_ data: Dataset, of file: URL) throws {
    guard fields != nil else { return }
    for field in try fields(of: file) {
      guard let other = data.fields.first(where: { $0.name == field.name }) else { continue }
      guard field.offsets == other.offsets else {
        throw RunError(
          .configuration,
          "\(data.name): not the data that \(file.lastPathComponent) was trained on: its values begin elsewhere, at "
            + "\(other.offsets), expected \(field.offsets)")
      }
      guard !field.classNames.isEmpty, !other.classNames.isEmpty else { continue }
      let places = 0..<max(field.classNames.count, other.classNames.count)
      func name(_ names: [String], _ place: Int) -> String {
        names.indices.contains(place) ? "\"\(names[place])\"" : "none"
      }
      let changed = places.first { name(field.classNames, $0) != name(other.classNames, $0) }
      guard let place = changed else { continue }
      throw RunError(
        .configuration,
        "\(data.name): not the classes that \(file.lastPathComponent) was trained on: class \(place) is "
          + "\(name(other.classNames, place)), expected \(name(field.classNames, place)); restore their names")
    }
  }

  /// A message that the data differ from those of the training; nil if they are the same, or if an old checkpoint does
  /// not record them.
  package func difference(of data: Dataset, from file: URL) -> String? {
    guard let dataFingerprint, dataFingerprint != data.fingerprint else { return nil }
    return "\(data.name): not the data that \(file.lastPathComponent) was trained on (fingerprint \(data.fingerprint), "
      + "expected \(dataFingerprint))"
  }

  /// The value of a JSON text; nil if the checkpoint has no such text.
  private func decode<Value>(
    _ text: KeyPath<CheckpointMetadata, String?>, of file: URL,
    _ decode: (JSON) throws(ConfigurationError) -> Value
  ) throws(ConfigurationError) -> Value? {
    guard let content = self[keyPath: text] else { return nil }
    let place = Self.place(of: text, in: file)
    do throws(ConfigurationError) {
      return try decode(JSONParser.parse(content, file: place))
    } catch {
      // A location names the file already.
      guard error.location == nil else { throw error }
      throw ConfigurationError(path: error.path.isEmpty ? place : "\(place): \(error.path)", message: error.message)
    }
  }

  private static func place(of text: KeyPath<CheckpointMetadata, String?>, in file: URL) -> String {
    "\(file.lastPathComponent): \(path(of: text))"
  }
}

extension Standardization {
  fileprivate var json: JSON { ["mean": mean, "deviation": deviation] }

  fileprivate init(json: JSON) throws(ConfigurationError) {
    func numbers(_ key: String) -> [Float]? {
      guard let elements = json[key]?.array else { return nil }
      let numbers = elements.compactMap { $0.double.map { Float($0) } }
      return numbers.count == elements.count ? numbers : nil
    }
    guard let mean = numbers("mean"), let deviation = numbers("deviation"),
      let standardization = Standardization(mean: mean, deviation: deviation)
    else {
      throw ConfigurationError(path: "", message: "expected as many means as deviations above 0")
    }
    self = standardization
  }
}
