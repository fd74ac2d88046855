/// Sequences that may become longer than a model's context: where that is full, the model starts anew on the last half of it.
struct ContextWindow {
  let model: any TokenModel
  /// What each row has read, as far back as the model may have to read it again.
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
      if history[row].count > context { history[row].removeFirst(history[row].count - context) }
    }
    guard model.position + tokens[0].count > context else { return model.read(tokens) }
    model.restart()
    let kept = max(context / 2, tokens[0].count)
    return model.read(history.map { Array($0.suffix(kept)) })
  }

  mutating func reorder(_ order: [Int]) {
    guard order != Array(0..<order.count) else { return }
    history = order.map { history[$0] }
    model.reorder(order)
  }
}
