import Models
import Runs
import Tensors

/// A stored model that reads sequences piece by piece, with a KV cache or a recurrent state.
///
/// It reads prompts in pieces of `longPiece` tokens and generated tokens one by one. In float32 the logits differ from
/// those of a single pass by rounding only: products of other shapes may add up in another order. The encoder of an
/// encoder-decoder runs once per source.
///
/// Not for several threads at once.
package final class StoredTokenModel: TokenModel {
  package let rows: Int
  package let vocabulary: Int
  package let context: Int?
  package private(set) var position = 0
  package var beginsAnswers: Bool { language.source != nil }
  private let language: LanguageModel
  /// Longest first; the last one reads a single token.
  private let pieces: [PieceProgram]
  private let sequenceState: Arena
  /// A buffer for reordered rows as large as `sequenceState`, made when first needed.
  private var spare: Arena?
  private let source: SourceBatch?

  package static let longPiece = 32

  /// - Parameter rows: parallel sequences.
  package init(_ language: LanguageModel, rows: Int) throws {
    precondition(rows > 0)
    self.language = language
    self.rows = rows
    vocabulary = language.vocabulary
    context = language.context
    source = language.source.map { SourceBatch($0, rows: rows) }
    let long = min(Self.longPiece, language.context ?? Self.longPiece)
    var pieces: [PieceProgram] = []
    for tokens in long > 1 ? [long, 1] : [1] {
      pieces.append(try PieceProgram(language, rows: rows, tokens: tokens, source: source))
    }
    self.pieces = pieces
    let first = pieces[0].plan
    sequenceState = Arena(byteCount: first.sequenceStateByteCount)
    for piece in pieces {
      precondition(
        piece.plan.sequenceState.elementsEqual(first.sequenceState) {
          $0.shape == $1.shape && $0.tensor.place == $1.tensor.place && $0.tensor.type == $1.tensor.type
        }, "pieces of different lengths have the same state")
      piece.program.bind(sequenceState: sequenceState)
    }
  }

  package func restart() { position = 0 }

  /// Sets the encoder's input: at most as many tokens as in training.
  package func setSource(_ tokens: [Int32]) throws(RunError) {
    guard let source else { preconditionFailure("the model has no encoder") }
    try source.set(tokens)
    for piece in pieces { piece.hasReadSource = false }
    restart()
  }

  package func read(_ tokens: [[Int32]]) -> [Float] {
    let count = tokens[0].count
    precondition(tokens.count == rows && count > 0 && tokens.allSatisfy { $0.count == count })
    precondition(context.map { position + count <= $0 } ?? true, "the context is full")
    var done = 0
    var last = pieces[0]
    while done < count {
      guard let piece = pieces.first(where: { $0.tokens <= count - done }) else { preconditionFailure("no piece of 1") }
      piece.read(tokens.map { $0[done..<done + piece.tokens] }, position: position)
      position += piece.tokens
      done += piece.tokens
      last = piece
    }
    return last.lastLogits
  }

  package func reorder(_ order: [Int]) {
    precondition(order.count == rows && order.allSatisfy { (0..<rows).contains($0) })
    let changed = order.indices.filter { order[$0] != $0 }
    guard !changed.isEmpty else { return }
    let spare = spare ?? Arena(byteCount: sequenceState.byteCount)
    self.spare = spare
    for (_, _, tensor) in pieces[0].plan.sequenceState {
      guard case .sequenceState(let offset) = tensor.place else { continue }
      let count = tensor.count / rows
      func row(_ number: Int, _ arena: Arena) -> TensorSlice {
        arena.slice(offset: offset + number * count * tensor.type.byteCount, count: count, type: tensor.type)
      }
      for index in changed { row(index, spare).copy(from: row(order[index], sequenceState)) }
      for index in changed { row(index, sequenceState).copy(from: row(index, spare)) }
    }
  }
}
