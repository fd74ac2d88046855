import Runs

/// Continues a prompt token by token, once in every row of a model.
package struct SampleGeneration {
  private let model: any TokenModel
  private let sampler: TokenSampler
  private let most: Int

  /// - Parameter most: the most tokens of a sample.
  package init(_ model: any TokenModel, _ settings: SamplingSettings, most: Int) {
    self.model = model
    sampler = TokenSampler(settings)
    self.most = most
  }

  /// - Parameters:
  ///   - prompt: at least one token and at most the model's context.
  ///   - first: the number of the first row's sample; those of the other rows follow.
  ///   - take: receives each row's next token; false ends the row.
  package func run(
    prompt: [Int32], first: Int = 0, take: (_ row: Int, _ token: Int32) throws(RunError) -> Bool
  ) throws(RunError) {
    precondition(!prompt.isEmpty)
    let vocabulary = model.vocabulary
    var window = ContextWindow(model)
    var logits = window.read([[Int32]](repeating: prompt, count: model.rows))
    var seen = [Set<Int32>](repeating: Set(prompt), count: model.rows)
    var isLive = [Bool](repeating: true, count: model.rows)
    // Ended rows read arbitrary tokens.
    var next = [[Int32]](repeating: [0], count: model.rows)
    for index in 0..<most {
      for row in 0..<model.rows where isLive[row] {
        let token = try sampler.token(
          logits[row * vocabulary..<(row + 1) * vocabulary], seen: seen[row], sample: first + row, index: index)
        seen[row].insert(token)
        next[row] = [token]
        isLive[row] = try take(row, token)
      }
      guard index + 1 < most, isLive.contains(true) else { return }
      logits = window.read(next)
    }
  }
}
