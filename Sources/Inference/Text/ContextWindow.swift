/// Sequences that may become longer than a model's context: when it is full, the model restarts with its last half. A
/// first token that begins an answer stays the first.
struct ContextWindow {
  let model: any TokenModel
  /// The last tokens of each row, which the model may have to read again.
  private var history: [[Int32]]

  /// Restarts the model.
  init(_ model: any TokenModel) {
    self.model = model
    history = [[Int32]](repeating: [], count: model.rows)
    model.restart()
  }

  /// - Parameter tokens: as for `TokenModel.read`, at most as many as the context.
  mutating func read(_ tokens: [[Int32]]) -> [Float] {
    guard let context = model.context else { return model.read(tokens) }
    for (row, new) in tokens.enumerated() {
      history[row] += new
      let excess = history[row].count - context
      if excess > 0 { history[row].removeSubrange(beginning..<beginning + excess) }
    }
    guard model.position + tokens[0].count > context else { return model.read(tokens) }
    model.restart()
    let kept = max(context / 2, tokens[0].count)
    return model.read(
      history.map { tokens in
        let first = tokens.prefix(min(beginning, max(0, context - kept)))
        return first + tokens.dropFirst(first.count).suffix(kept)
      })
  }

  /// Tokens at the beginning that are always kept.
  private var beginning: Int { model.beginsAnswers ? 1 : 0 }

  mutating func reorder(_ order: [Int]) {
    guard order != Array(0..<order.count) else { return }
    history = order.map { history[$0] }
    model.reorder(order)
  }
}
