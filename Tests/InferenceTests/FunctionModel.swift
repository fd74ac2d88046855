import Inference
import Tensors

/// A model whose logits are a given function of a row's tokens.
final class FunctionModel: TokenModel {
  let rows: Int
  let vocabulary: Int
  let context: Int?
  var beginsAnswers = false
  var position: Int { history[0].count }
  private(set) var history: [[Int32]]
  /// The pieces that the first row has read; empty ones are restarts.
  private(set) var reads: [[Int32]] = []
  private let logits: ([Int32]) -> [Float]

  init(rows: Int = 1, vocabulary: Int, context: Int? = nil, _ logits: @escaping ([Int32]) -> [Float]) {
    self.rows = rows
    self.vocabulary = vocabulary
    self.context = context
    self.logits = logits
    history = [[Int32]](repeating: [], count: rows)
  }

  /// Logits between −2 and 2 that look random.
  static func random(
    rows: Int = 1, vocabulary: Int, context: Int? = nil, seed: UInt64 = 1
  ) -> FunctionModel {
    FunctionModel(rows: rows, vocabulary: vocabulary, context: context) { history in
      let place = history.reduce(17) { ($0 * 31 + Int($1) + 1) % 1_000_003 }
      let stream = RandomStream(seed: seed, purpose: .checking, step: place)
      return (0..<vocabulary).map { 4 * stream.uniform($0) - 2 }
    }
  }

  func read(_ tokens: [[Int32]]) -> [Float] {
    precondition(tokens.count == rows && tokens.allSatisfy { $0.count == tokens[0].count && !$0.isEmpty })
    precondition(context.map { position + tokens[0].count <= $0 } ?? true)
    reads.append(tokens[0])
    for row in 0..<rows { history[row] += tokens[row] }
    return history.flatMap(logits)
  }

  func reorder(_ order: [Int]) { history = order.map { history[$0] } }

  func restart() {
    reads.append([])
    history = [[Int32]](repeating: [], count: rows)
  }
}
