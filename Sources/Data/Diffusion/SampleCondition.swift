import Tensors
import Tokenizers

/// The input of a denoiser besides the noisy image: a class or a caption.
struct SampleCondition: Sendable {
  /// The source's field with the number of a sample's class or caption.
  let sourceField: Int
  /// (), or (L) of captions.
  let field: SampleField
  /// Of captions.
  let tokenizer: Tokenizer?
  /// The field's values for each number of the source, one after another, and at the end for no condition.
  private let values: [Int32]

  /// Each class, and one more number for none.
  init(classes labels: [String], at number: Int) {
    sourceField = number
    field = SampleField(
      name: SampleField.condition, shape: .scalar, type: .int32, classCount: labels.count + 1, classNames: labels)
    tokenizer = nil
    values = (0...labels.count).map(Int32.init)
  }

  /// Each caption's tokens; none are all padding.
  init(captions: [String], at number: Int, _ settings: DiffusionSettings, name: String) throws(DataError) {
    guard let text = try Self.tokenizer(settings.tokenizer, of: captions, name) else {
      throw DataError(name, at: "diffusion.condition", expected: "captions with characters", found: "none")
    }
    var tokens: [[Int32]] = []
    for caption in captions {
      let place = "caption \(DataError.quoted(caption))"
      try DataError.locating(name, place) { () throws(TokenizerError) in
        tokens.append(try text.encode(caption, readsSpecialTokens: false))
      }
    }
    let longest = tokens.map(\.count).max() ?? 0
    let length = settings.textLength ?? max(1, longest)
    guard longest <= min(length, DiffusionSettings.longestText) else {
      throw DataError(
        name, at: "diffusion.text_length", expected: "captions of at most \(length) tokens",
        found: "one of \(longest)", advice: "raise text_length or shorten the captions")
    }
    let padded = CaptionTokens(text, length: length)
    sourceField = number
    field = SampleField(
      name: SampleField.condition, shape: TensorShape([length]), type: .int32,
      classCount: padded.tokenizer.vocabularySize)
    tokenizer = padded.tokenizer
    values = tokens.flatMap(padded.padding) + padded.none
  }

  private static func tokenizer(
    _ choice: TokenizerChoice, of captions: [String], _ name: String
  ) throws(DataError) -> Tokenizer? {
    if let tokenizer = try choice.tokenizer(key: "diffusion.tokenizer") { return tokenizer }
    var census = CharacterCensus()
    for caption in captions {
      try DataError.locating(name, "caption \(DataError.quoted(caption))") { () throws(TokenizerError) in
        try census.add(Array(caption.utf8))
      }
    }
    return census.vocabulary.map(Tokenizer.characters)
  }

  /// - Parameter number: of the class or caption; nil for no condition.
  func write(_ number: Int?, into output: TensorSlice) {
    let length = output.count
    let start = number.map { $0 * length } ?? values.count - length
    let source = values.span.extracting(start..<start + length)
    var target = output.mutableIntegers
    for i in target.indices { target[i] = source[i] }
  }
}

/// Texts for a denoiser: of one length, with padding tokens behind their ends.
package struct CaptionTokens: Sendable {
  /// With the padding token.
  package let tokenizer: Tokenizer
  package let length: Int
  private let padding: Int32

  /// - Parameter tokenizer: with the padding token or without.
  package init(_ tokenizer: Tokenizer, length: Int) {
    let padded =
      tokenizer.token(special: Tokenizer.padding) == nil
      ? tokenizer.adding(specialTokens: [Tokenizer.padding]) : tokenizer
    guard let padding = padded.token(special: Tokenizer.padding) else {
      preconditionFailure("a special token that was added is there")
    }
    self.tokenizer = padded
    self.length = length
    self.padding = padding
  }

  /// The tokens of no condition.
  package var none: [Int32] { [Int32](repeating: padding, count: length) }

  /// - Parameter tokens: at most `length`.
  func padding(_ tokens: [Int32]) -> [Int32] {
    tokens + [Int32](repeating: padding, count: length - tokens.count)
  }

  /// The tokens of a text; nil where they are more than `length`.
  package func encode(_ text: String) throws(TokenizerError) -> [Int32]? {
    let tokens = try tokenizer.encode(text, readsSpecialTokens: false)
    return tokens.count <= length ? padding(tokens) : nil
  }
}
