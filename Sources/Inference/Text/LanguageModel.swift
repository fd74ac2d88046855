import Data
import Foundation
import Models
import Runs
import Tokenizers

/// A stored language model with its tokenizer; it needs nothing but the checkpoint.
package struct LanguageModel: Sendable {
  package let configuration: RunConfiguration
  package let fields: [SampleField]
  package let tokenizer: Tokenizer
  package let state: ModelState
  package let precision: Precision
  /// The memory of earlier tokens.
  package let memory: SequenceMemory
  /// Tokens in a sample of the training data.
  package let sampleLength: Int

  package var vocabulary: Int { tokenizer.vocabularySize }
  /// The most tokens in its memory; nil if there is no limit.
  package var context: Int? { if case .tokens(let count) = memory { count } else { nil } }
  /// The encoder's input; nil if the model has no encoder.
  package var source: SampleField? { fields.first { $0.name == Self.sourceField } }
  static let sourceField = "source"

  /// - Throws: if the run's model does not predict tokens, or its tokenizer is missing or does not fit.
  package init(_ run: StoredRun) throws {
    let name = run.checkpoint.url.lastPathComponent
    let fields = try run.fields()
    let precision = run.answeringPrecision
    guard let tokenizer = try run.checkpoint.metadata.tokenizer(of: run.checkpoint.url) else {
      let memory = try? Self.check(run.configuration, fields, of: name)
      throw RunError(
        .configuration,
        memory == nil
          ? "\(name): \(Self.refusal(fields))"
          : "\(name): the checkpoint holds no tokenizer, which text needs; train on \"text\" data")
    }
    try self.init(run.configuration, fields, tokenizer, precision, of: name) { try run.modelState($0) }
  }

  /// A model with parameters from anywhere.
  ///
  /// - Parameters:
  ///   - name: for messages.
  ///   - state: makes the parameters of the given graph.
  package init(
    _ configuration: RunConfiguration, _ fields: [SampleField], _ tokenizer: Tokenizer, _ precision: Precision,
    of name: String, state: (ModelGraph) throws -> ModelState
  ) throws {
    memory = try Self.check(configuration, fields, of: name)
    self.configuration = configuration
    self.fields = fields
    self.tokenizer = tokenizer
    self.precision = precision
    sampleLength = fields.first { $0.name == SampleField.input }?.shape[0] ?? 1
    let classes = fields.first { $0.name == SampleField.target }?.classCount
    guard classes == tokenizer.vocabularySize else {
      throw RunError(
        .configuration,
        "\(name): its tokenizer (\(tokenizer.summary)) does not fit its model of \(classes ?? 0) tokens;"
          + " the checkpoint is damaged")
    }
    self.state = try state(
      RunPlan.graph(configuration, reading: fields, rows: 1, tokens: 1, memory: Self.remembered(memory)))
  }

  private static func check(
    _ configuration: RunConfiguration, _ fields: [SampleField], of name: String
  ) throws(RunError) -> SequenceMemory {
    guard let input = fields.first(where: { $0.name == SampleField.input }), input.classCount != nil,
      input.shape.rank == 1, let target = fields.first(where: { $0.name == SampleField.target }),
      target.classCount != nil, target.shape == input.shape
    else { throw RunError(.configuration, "\(name): \(refusal(fields))") }
    guard let memory = configuration.model.memory(ofSamples: input.shape[0]) else {
      throw RunError(
        .configuration,
        "\(name): a model of the type \"\(configuration.modelKind)\" cannot write a text token by token; use"
          + " \"transformer\", \"encoder_decoder\" or \"recurrent\"")
    }
    return memory
  }

  private static func refusal(_ fields: [SampleField]) -> String {
    let shape = fields.first { $0.name == SampleField.input }?.shape.description ?? "none"
    let target = fields.first { $0.name == SampleField.target }
    return target?.shape == .scalar && target?.classCount != nil
      ? "expected a model of text, found a classifier; use troupe predict"
      : "expected a model of text, found one of inputs of shape \(shape)"
  }

  /// The memory of a graph that reads piece by piece.
  private static func remembered(_ memory: SequenceMemory) -> Int {
    // A recurrent state has a fixed size; any number makes the graph read pieces.
    if case .tokens(let count) = memory { count } else { 1 }
  }

  /// The logits of the token after each token of a sequence, (tokens, vocabulary), from a single pass: the reference
  /// for reading piece by piece.
  ///
  /// - Parameters:
  ///   - tokens: at least one and at most the context.
  ///   - source: the encoder's input, for an encoder-decoder.
  package func logits(of tokens: [Int32], source: [Int32] = []) throws -> [Float] {
    let batch = self.source.map { SourceBatch($0, rows: 1) }
    try batch?.set(source)
    let whole = try PieceProgram(self, rows: 1, tokens: tokens.count, source: batch, remembers: false)
    whole.read([tokens[...]], position: 0)
    return whole.logits
  }

  /// The model for pieces of sequences, or for whole ones.
  func graph(rows: Int, tokens: Int, remembers: Bool = true) throws(RunError) -> ModelGraph {
    try RunPlan.graph(
      configuration, reading: fields, rows: rows, tokens: tokens, memory: remembers ? Self.remembered(memory) : nil)
  }
}
