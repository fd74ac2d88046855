/// The step of a checkpoint and the texts that describe its run, stored as UTF-8 strings under `/run/`.
///
/// Names and order of the texts are in `texts` below and nowhere else. Texts of other names, which a newer version may
/// write, are ignored. The Runs module builds the texts and reads those that are JSON.
package struct CheckpointMetadata: Sendable, Equatable {
  /// Optimizer steps done; at least 0.
  package var step: Int
  /// The version that wrote the checkpoint.
  package var build: String?
  /// The resolved configuration of the run, JSON.
  package var configuration: String?
  /// The fingerprint of the training data.
  package var dataFingerprint: String?
  /// The fields of the samples that the model reads, JSON.
  package var fields: String?
  /// The fields of the samples before augmentation, JSON; older checkpoints lack them.
  package var sourceFields: String?
  /// Means and deviations of the training inputs, JSON; nil where inputs are not standardized.
  package var standardization: String?
  /// Counters of the run, JSON.
  package var state: String?
  /// The tokenizer; nil where the model does not read text.
  package var tokenizer: String?

  package init(step: Int) { self.step = step }

  /// A text's name in the file and the property that holds it.
  package typealias Text = (name: String, property: WritableKeyPath<CheckpointMetadata, String?> & Sendable)

  /// All texts, in the order of their names, which is their order in the file.
  package static let texts: [Text] = [
    ("build", \.build), ("config", \.configuration), ("data", \.dataFingerprint), ("fields", \.fields),
    ("source_fields", \.sourceFields), ("standardization", \.standardization), ("state", \.state),
    ("tokenizer", \.tokenizer),
  ]

  /// The texts that the checkpoint has, in the order of their names.
  package var presentTexts: [(name: String, text: String)] {
    Self.texts.compactMap { text in self[keyPath: text.property].map { (text.name, $0) } }
  }

  /// `run/state` and the like, for errors.
  package static func path(of property: KeyPath<CheckpointMetadata, String?>) -> String {
    texts.first { $0.property == property }.map { "\(CheckpointLayout.textGroup)/\($0.name)" } ?? "\(property)"
  }
}
