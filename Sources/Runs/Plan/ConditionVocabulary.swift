import Data
import Tokenizers

/// The conditions of a diffusion model, as words and as the numbers that the model reads.
package struct ConditionVocabulary: Sendable {
  package enum Kind: Sendable {
    case nothing
    /// Names by label.
    case classes([String])
    /// Texts; the known ones are the captions of the data.
    case captions(CaptionTokens, known: [String])
  }

  package let kind: Kind
  /// The model's input without a condition; nil if the model is unconditional.
  package let none: [Int32]?
  /// Whether the model was also trained without its condition.
  private let knowsNone: Bool

  package init(
    _ settings: DiffusionSettings, _ fields: [SampleField], source: [SampleField], _ tokenizer: Tokenizer?,
    of name: String
  ) throws(RunError) {
    knowsNone = settings.dropCondition > 0
    guard let field = fields.first(where: { $0.name == SampleField.condition }) else {
      kind = .nothing
      none = nil
      return
    }
    switch field.shape.rank {
    case 0:
      let labels = field.classLabels ?? []
      kind = .classes(Array(labels.dropLast()))
      none = [Int32(max(0, labels.count - 1))]
    default:
      guard let tokenizer else {
        throw RunError("\(name): the checkpoint holds no tokenizer, without which prompts cannot be read")
      }
      let tokens = CaptionTokens(tokenizer, length: field.shape[0])
      guard tokens.tokenizer.vocabularySize == field.classCount else {
        throw RunError(
          .configuration,
          "\(name): its tokenizer (\(tokenizer.summary)) does not fit its model of \(field.classCount ?? 0) tokens;"
            + " the checkpoint is damaged")
      }
      let described = [SampleField.caption, SampleField.target].lazy.compactMap { name in
        source.first { $0.name == name && $0.type == .int32 && $0.shape == .scalar }?.classLabels
      }
      kind = .captions(tokens, known: described.first ?? [])
      none = tokens.none
    }
  }

  /// A request for each class, or for each caption of the data.
  package var all: [GenerationRequest] {
    switch kind {
    case .nothing: [GenerationRequest(text: "", label: nil, tokens: [])]
    case .classes(let names): names.indices.map { request(label: $0, of: names) }
    case .captions(_, let known): known.compactMap { try? request(prompt: $0, .commandLine) }
    }
  }

  /// The names of the settings that requests come from, for messages.
  package struct Places: Sendable {
    let classes: String
    let prompts: String
    let guidance: String

    package static let commandLine = Places(classes: "--class", prompts: "--prompt", guidance: "--guidance")
    package static let configuration = Places(
      classes: "samples.classes", prompts: "samples.prompts", guidance: "samples.guidance")
  }

  /// The requests that a user asked for.
  ///
  /// - Parameters:
  ///   - classes: names or numbers, or "all" alone; empty for all.
  ///   - prompts: texts; empty for all captions of the data.
  package func requests(
    classes: [String], prompts: [String], from places: Places
  ) throws(RunError) -> [GenerationRequest] {
    switch kind {
    case .nothing:
      if let (place, _) = [(places.classes, classes), (places.prompts, prompts)].first(where: { !$0.1.isEmpty }) {
        throw RunError(.configuration, "\(place): the model was trained without conditions; leave it out")
      }
    case .classes(let names):
      guard prompts.isEmpty else {
        throw RunError(
          .configuration, "\(places.prompts): the model was trained with classes, not texts; use \(places.classes)")
      }
      if !classes.isEmpty, classes != ["all"] {
        return try classes.map { given throws(RunError) in
          request(label: try label(given, among: names, places), of: names)
        }
      }
    case .captions:
      guard classes.isEmpty else {
        throw RunError(
          .configuration, "\(places.classes): the model was trained with texts, not classes; use \(places.prompts)")
      }
      guard !prompts.isEmpty || !all.isEmpty else {
        throw RunError(.configuration, "\(places.prompts): expected a description of the image, found none")
      }
      if !prompts.isEmpty { return try prompts.map { prompt throws(RunError) in try request(prompt: prompt, places) } }
    }
    return all
  }

  /// Refuses guidance of a model that it has no effect on.
  package func checkGuidance(_ scale: Double, from places: Places) throws(RunError) {
    guard scale != 1 else { return }
    guard none != nil else {
      throw RunError(
        .configuration,
        "\(places.guidance) \(scale): the model was trained without conditions, which guidance needs; leave it out")
    }
    guard knowsNone else {
      throw RunError(
        .configuration,
        "\(places.guidance) \(scale): the model was trained with \"drop_condition\": 0 and needs its condition;"
          + " use 1")
    }
  }

  private func request(label: Int, of names: [String]) -> GenerationRequest {
    GenerationRequest(text: names[label], label: label, tokens: [Int32(label)])
  }

  private func label(_ given: String, among names: [String], _ places: Places) throws(RunError) -> Int {
    if let label = names.firstIndex(of: given) { return label }
    if let label = Int(given), names.indices.contains(label) { return label }
    let most = 12
    let listed = names.prefix(most).joined(separator: ", ") + (names.count > most ? ", …" : "")
    throw RunError(
      .configuration,
      "\(places.classes) \(given): expected all, a number from 0 to \(names.count - 1) or one of \(listed)")
  }

  private func request(prompt: String, _ places: Places) throws(RunError) -> GenerationRequest {
    guard case .captions(let text, _) = kind else { preconditionFailure("a model without texts") }
    guard prompt.contains(where: { !$0.isWhitespace }) else {
      throw RunError(
        .configuration, "\(places.prompts): expected a description of the image, found an empty text")
    }
    do throws(TokenizerError) {
      if let tokens = try text.encode(prompt) { return GenerationRequest(text: prompt, label: nil, tokens: tokens) }
      let count = try text.tokenizer.encode(prompt, readsSpecialTokens: false).count
      throw TokenizerError(
        expected: "at most the \(text.length) tokens that the model reads", found: "\(count)",
        advice: "shorten the text")
    } catch {
      throw RunError(.configuration, "\(places.prompts): \(error)")
    }
  }
}

/// A condition of an image to be generated.
package struct GenerationRequest: Sendable, Equatable {
  /// The class or the prompt; empty for an unconditional image.
  package let text: String
  /// The label of a class.
  package let label: Int?
  /// The tokens that the model reads; empty for an unconditional model.
  package let tokens: [Int32]
}
