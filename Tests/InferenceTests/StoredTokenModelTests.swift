import Foundation
import Inference
import Models
import Runs
import Testing

/// Reading piece by piece, with a KV cache or a recurrent state, compared with a single pass.
struct StoredTokenModelTests {
  static let models = [
    #"{"type": "transformer", "preset": "gpt", "layers": 2, "heads": 4, "width": 32}"#,
    #"{"type": "transformer", "preset": "gpt2", "layers": 2, "heads": 2, "width": 32, "dropout": 0.2}"#,
    #"{"type": "transformer", "preset": "llama", "layers": 2, "heads": 4, "kv_heads": 2, "width": 32}"#,
    #"{"type": "transformer", "position": "alibi", "layers": 2, "heads": 3, "width": 48}"#,
    #"{"type": "transformer", "position": "relative", "layers": 2, "heads": 2, "width": 32}"#,
    #"{"type": "transformer", "position": "sinusoidal", "normalization_place": "post", "layers": 2, "heads": 2, "#
      + #""width": 32}"#,
    #"{"type": "recurrent", "cell": "lstm", "units": 24, "width": 20, "layers": 2}"#,
    #"{"type": "recurrent", "cell": "gru", "units": 24, "layers": 1, "dropout": 0.3}"#,
    #"{"type": "recurrent", "cell": "rnn", "units": 24, "layers": 2, "tied_head": true}"#,
    #"{"type": "encoder_decoder", "preset": "gpt2", "layers": 2, "encoder_layers": 1, "heads": 4, "width": 32}"#,
  ]
  static let source: [Int32] = [7, 77, 177, 200, 3]

  private func make(_ language: LanguageModel, rows: Int = 1) throws -> StoredTokenModel {
    let model = try StoredTokenModel(language, rows: rows)
    if language.source != nil { try model.setSource(Self.source) }
    return model
  }

  /// The logits after each token from `first` on; earlier tokens are read at once.
  private func piecewise(_ model: StoredTokenModel, _ tokens: [Int32], first: Int) -> [[Float]] {
    model.restart()
    var answers = [model.read([Array(tokens[0...first])])]
    for token in tokens[(first + 1)...] { answers.append(model.read([[token]])) }
    return answers
  }

  @Test(arguments: models) func piecesGiveTheLogitsOfASinglePass(settings: String) throws {
    for (precision, tolerance) in [(Precision.float32, Float(2e-6)), (.bfloat16, 0.03)] {
      let language = try randomModel(settings, precision: precision)
      let tokens = randomTokens(sampleLength)
      let whole = try language.logits(of: tokens, source: language.source == nil ? [] : Self.source)
      let model = try make(language)
      // One token before a long piece, a long piece, and a few more than one.
      for first in [0, StoredTokenModel.longPiece - 1, StoredTokenModel.longPiece + 4] {
        for (index, answer) in piecewise(model, tokens, first: first).enumerated() {
          let place = (first + index) * 256
          #expect(difference(answer, whole[place..<place + 256]) < tolerance, "token \(first + index), \(precision)")
        }
      }
      #expect(model.position == sampleLength)
    }
  }

  /// Rows are independent, and their memory moves with them.
  @Test(arguments: models) func rowsCanBeReordered(settings: String) throws {
    let language = try randomModel(settings)
    let histories = (0..<3).map { randomTokens(9, seed: UInt64($0)) }
    let ends = (0..<3).map { randomTokens(4, seed: UInt64($0 + 10)) }
    for order in [[2, 0, 1], [1, 1, 1], [0, 0, 2], [0, 1, 2]] {
      let model = try make(language, rows: 3)
      _ = model.read(histories)
      model.reorder(order)
      let answers = model.read(ends)
      for row in 0..<3 {
        let alone = try make(language)
        let expected = alone.read([histories[order[row]] + ends[row]])
        #expect(difference(answers[row * 256..<(row + 1) * 256], expected) < 2e-6)
      }
    }
  }

  @Test(arguments: models) func restartsForgetEverything(settings: String) throws {
    let language = try randomModel(settings)
    let model = try make(language)
    let first = model.read([randomTokens(20)])
    _ = model.read([randomTokens(8, seed: 2)])
    model.restart()
    #expect(model.read([randomTokens(20)]) == first)
  }

  @Test func theContextIsTheModels() throws {
    #expect(try randomModel(Self.models[0]).context == sampleLength)
    #expect(try randomModel(Self.models[6]).context == nil)
    let model = #"{"type": "transformer", "layers": 1, "heads": 1, "width": 8, "context": 70}"#
    let language = try randomModel(model)
    #expect(language.context == 70)
    var tokens: [Int32] = []
    try SampleGeneration(StoredTokenModel(language, rows: 1), .greedy, most: 150).run(prompt: [1]) {
      tokens.append($1)
      return true
    }
    #expect(tokens.count == 150)
  }

  @Test func greedyIsABeamOfOne() throws {
    for settings in Self.models {
      let language = try randomModel(settings)
      var greedy: [Int32] = []
      try SampleGeneration(make(language), .greedy, most: 60).run(prompt: [10, 20]) {
        greedy.append($1)
        return true
      }
      let found = try BeamSearch(make(language), lengthPenalty: 0, most: 60) { _ in false }.run(prompt: [10, 20])
      #expect(found.map(\.tokens) == [greedy])
      let wide = try BeamSearch(make(language, rows: 5), lengthPenalty: 0, most: 20) { _ in false }.run(prompt: [
        10, 20,
      ])
      #expect(wide.count == 5 && Set(wide.map(\.tokens)).count == 5)
      // The scores are those of a single pass.
      let source = language.source == nil ? [] : Self.source
      for hypothesis in wide {
        let text = [10, 20] + hypothesis.tokens
        let logits = try language.logits(of: text, source: source)
        let score = hypothesis.tokens.enumerated().reduce(0.0) { sum, next in
          sum + logProbability(logits[(next.offset + 1) * 256..<(next.offset + 2) * 256], of: next.element)
        }
        #expect(abs(score - hypothesis.score) < 1e-4)
      }
    }
  }

  /// The encoder's steps do not depend on the decoder's tokens, and run again for another source.
  @Test func theEncoderRunsOncePerSource() throws {
    let language = try randomModel(Self.models[9])
    let graph = try RunPlan.graph(
      language.configuration, reading: language.fields, rows: 1, tokens: 1, memory: sampleLength)
    let plan = ExecutionPlan(graph, table: language.state.table, precision: .float32, isTraining: false)
    let dependent = plan.steps(dependingOn: 0).map { plan.steps[$0].name }
    #expect(dependent.allSatisfy { !$0.hasPrefix("encoder.") && !$0.hasSuffix("cross_attention.kv") })
    #expect(dependent.contains("head") && dependent.contains("decoder.blocks.1.cross_attention"))
    let all = Set(plan.steps.map(\.name))
    #expect(all.subtracting(dependent).contains("encoder.token_embedding"))
    let model = try make(language)
    let first = model.read([[1, 2]])
    try model.setSource([9, 8])
    let second = model.read([[1, 2]])
    try model.setSource(Self.source)
    #expect(model.read([[1, 2]]) == first && second != first)
    #expect(throws: RunError.self) { try model.setSource(randomTokens(sourceLength + 1)) }
    #expect(throws: RunError.self) { try model.setSource([]) }
  }

  @Test func otherModelsAreRefused() throws {
    #expect {
      try randomModel(#"{"type": "layers", "layers": [{"type": "embedding", "vocabulary": 256, "width": 256}]}"#)
    } throws: { error in
      "\(error)".contains("\"layers\" cannot write a text")
    }
    #expect {
      try randomModel(Self.models[0], vocabulary: 300)
    } throws: { error in
      ["bytes, 256 tokens", "300"].allSatisfy { "\(error)".contains($0) }
    }
  }
}

/// ln softmax at a token.
func logProbability(_ logits: ArraySlice<Float>, of token: Int32) -> Double {
  let values = logits.map(Double.init)
  let largest = values.max() ?? 0
  return values[Int(token)] - largest - log(values.reduce(0) { $0 + exp($1 - largest) })
}
