import Layers
import Models
import Runs
import Tensors

/// The attention weights of one layer, head by head.
package struct AttentionMap: Sendable {
  /// The layer's name.
  package let layer: String
  package let heads: Int
  /// Labels of the tokens that attend.
  package let queries: [String]
  /// Labels of the tokens attended to.
  package let keys: [String]
  /// (heads, queries, keys); the weights of a query sum to 1.
  package let weights: [Float]

  /// The most tokens that an image can show.
  package static let mostTokens = 128

  /// The maps of every attention layer for a prompt.
  ///
  /// - Parameters:
  ///   - prompt: at least one token and at most the context, for an encoder-decoder the decoder's first tokens.
  ///   - source: the encoder's input, for an encoder-decoder.
  ///   - layer: the number of the attention layer, from 0; nil for all.
  package static func maps(
    _ language: LanguageModel, prompt: [Int32], source: [Int32] = [], layer: Int? = nil
  ) throws -> [AttentionMap] {
    guard max(prompt.count, source.count) <= mostTokens else {
      throw RunError(
        .configuration,
        "--attention: \(max(prompt.count, source.count)) tokens are too many for an image; use at most \(mostTokens)")
    }
    let batch = language.source.map { SourceBatch($0, rows: 1) }
    try batch?.set(source)
    let whole = try PieceProgram(
      language, rows: 1, tokens: prompt.count, source: batch, remembers: false, keepsOutputs: true)
    whole.read([prompt[...]], position: 0)
    let steps = whole.plan.steps.filter { $0.layer is Attention }
    guard !steps.isEmpty else {
      throw RunError(
        .configuration, "--attention: a model of the type \"\(language.configuration.modelKind)\" has none")
    }
    if let layer, !steps.indices.contains(layer) {
      throw RunError(.configuration, "--layer \(layer): expected 0 to \(steps.count - 1)")
    }
    let labels = (prompt.map(language.tokenizer.label), source.map(language.tokenizer.label))
    return steps.indices.filter { layer == nil || layer == $0 }.compactMap {
      map(of: steps[$0], in: whole, language, labels)
    }
  }

  private static func map(
    of step: ExecutionPlan.Step, in whole: PieceProgram, _ language: LanguageModel,
    _ labels: (prompt: [String], source: [String])
  ) -> AttentionMap? {
    guard let attention = step.layer as? Attention else { return nil }
    let inputs = (0..<step.counts.inputs).map { whole.slice(of: step.tensors[2 * $0]) }
    let isCross = inputs.count - (attention.settings.mask == .none ? 0 : 1) == 2
    // Attention that is not causal is the encoder's.
    let (looking, seen) =
      isCross
      ? (labels.prompt, labels.source)
      : attention.settings.isCausal ? (labels.prompt, labels.prompt) : (labels.source, labels.source)
    let bias = step.parameters.first.map {
      language.state.table.slice(language.state.table.entries[$0], in: language.state.parameters)
    }
    let weights = attention.weights(inputs: inputs, bias: bias, row: 0)
    let heads = attention.settings.heads
    let (queries, keys) = (attention.inputShapes[0][1], attention.inputShapes[isCross ? 1 : 0][1])
    // Padding of the source is not shown.
    var shown: [Float] = []
    for row in 0..<heads * queries where row % queries < looking.count {
      shown += weights[row * keys..<row * keys + seen.count]
    }
    return AttentionMap(layer: step.name, heads: heads, queries: looking, keys: seen, weights: shown)
  }
}

extension PieceProgram {
  /// An input of a layer, after a pass of a plan that keeps every layer's output.
  func slice(of tensor: ExecutionPlan.Tensor) -> TensorSlice {
    switch tensor.place {
    case .activations(let offset): activations.slice(offset: offset, count: tensor.count, type: tensor.type)
    case .field(let number): fields[number]
    default: preconditionFailure("an input is a field or an activation")
    }
  }
}
