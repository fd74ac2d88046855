import Arenas
import DataReading
import ExecutionPlanning
import Kernels
import Layers
import Pipeline

/// A stored model that reads sequences piece by piece: attention keeps keys and values, a recurrent network its state.
///
/// Long prompts go in pieces of `longPiece` tokens, what is written in pieces of one. In float32 the logits are those of reading the
/// whole sequence at once within rounding: products of other shapes may add up in another order. The encoder of an
/// encoder-decoder runs once a source.
///
/// Not for several threads at once.
package final class StoredTokenModel: TokenModel {
  package let rows: Int
  package let vocabulary: Int
  package let context: Int?
  package private(set) var position = 0
  private let language: LanguageModel
  /// Longest first; the last one reads a single token.
  private let pieces: [PieceProgram]
  private let carried: Arena
  /// Room for rows that change places; as large as `carried`, made when it is first needed.
  private var spare: Arena?
  private let source: SourceBatch?

  package static let longPiece = 32

  /// - Parameter rows: sequences side by side.
  package init(_ language: LanguageModel, rows: Int) throws {
    precondition(rows > 0)
    LaneThread.prepare()
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
    carried = Arena(byteCount: first.carriedByteCount)
    for piece in pieces {
      precondition(
        piece.plan.carried.elementsEqual(first.carried) {
          $0.shape == $1.shape && $0.tensor.place == $1.tensor.place && $0.tensor.type == $1.tensor.type
        }, "pieces of different lengths remember alike")
      piece.program.bind(carried: carried)
    }
  }

  package func restart() { position = 0 }

  /// What the encoder of an encoder-decoder reads: at most as many tokens as the samples of its data had.
  package func setSource(_ tokens: [Int32]) throws(RunError) {
    guard let source else { preconditionFailure("the model has no encoder") }
    guard (1...source.length).contains(tokens.count) else {
      throw RunError(
        .configuration,
        "--source: expected 1 to the \(source.length) tokens that the encoder reads, found \(tokens.count)")
    }
    source.set(tokens)
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
    let spare = spare ?? Arena(byteCount: carried.byteCount)
    self.spare = spare
    for (_, _, tensor) in pieces[0].plan.carried {
      guard case .carried(let offset) = tensor.place else { continue }
      let count = tensor.count / rows
      func row(_ number: Int, _ arena: Arena) -> TensorSlice {
        arena.slice(offset: offset + number * count * tensor.type.byteCount, count: count, type: tensor.type)
      }
      for index in changed { row(index, spare).copy(from: row(order[index], carried)) }
      for index in changed { row(index, carried).copy(from: row(index, spare)) }
    }
  }
}

/// A source and its length, the same in every row, for the encoder.
final class SourceBatch {
  let length: Int
  let tokens: TensorSlice
  let lengths: TensorSlice
  private let rows: Int
  // Keeps the memory alive that the slices lie in.
  private let arena: Arena

  init(_ field: SampleField, rows: Int) {
    self.rows = rows
    length = field.shape[0]
    let bytes = Arena.aligned(4 * rows * length)
    arena = Arena(byteCount: bytes + 4 * rows)
    tokens = arena.slice(offset: 0, count: rows * length, type: .int32)
    lengths = arena.slice(offset: bytes, count: rows, type: .int32)
  }

  func set(_ source: [Int32]) {
    var tokens = tokens.mutableIntegers
    var lengths = lengths.mutableIntegers
    for row in 0..<rows {
      for place in 0..<length { tokens[row * length + place] = place < source.count ? source[place] : 0 }
      lengths[row] = Int32(source.count)
    }
  }
}

/// A plan for pieces of one length, with its own activations.
final class PieceProgram {
  let tokens: Int
  let plan: ExecutionPlan
  let program: LaneProgram
  let activations: Arena
  /// Whether what the encoder makes of the source lies in the activations.
  var hasReadSource = false
  private let rows: Int
  private let vocabulary: Int
  private let dependent: [Int]?
  /// By their numbers in the graph.
  let fields: [TensorSlice]
  private let input: TensorSlice
  private let carried: Arena
  // Keeps the memory alive that `input` lies in.
  private let batch: Arena

  init(
    _ language: LanguageModel, rows: Int, tokens: Int, source: SourceBatch?, remembers: Bool = true,
    keepsOutputs: Bool = false
  ) throws {
    self.rows = rows
    self.tokens = tokens
    vocabulary = language.vocabulary
    // The steps of an encoder run once; what they leave must stay.
    var economies = ExecutionPlan.Economies()
    economies.sharesMemory = source == nil && !keepsOutputs
    economies.fusesNeighbours = !keepsOutputs
    plan = ExecutionPlan(
      try language.graph(rows: rows, tokens: tokens, remembers: remembers), table: language.state.table,
      precision: language.precision, isTraining: false, economies: economies)
    dependent = source == nil ? nil : plan.steps(dependingOn: 0)
    activations = Arena(byteCount: plan.activationByteCount)
    program = LaneProgram(
      plan, state: language.state, activations: activations,
      prepared: Arena(byteCount: plan.preparedByteCount), store: PrimitiveStore())
    for share in plan.preparationShares(lanes: 1) { program.prepare(share) }
    carried = Arena(byteCount: remembers ? 0 : plan.carriedByteCount)
    // What a whole sequence leaves behind is of no use, but it is written.
    if !remembers { program.bind(carried: carried) }
    batch = Arena(byteCount: 4 * rows * tokens)
    input = batch.all(as: .int32)
    program.pass.validRows = rows
    fields = plan.graph.fields.enumerated().map { [input] number, field in
      guard number > 0 else { return input }
      guard let source else { preconditionFailure("a field \"\(field.name)\" that nothing fills") }
      return field.name == LanguageModel.sourceField ? source.tokens : source.lengths
    }
    for (number, field) in fields.enumerated() { program.bind(field: number, to: field) }
  }

  /// - Parameter position: tokens of the sequences that came before.
  func read(_ piece: [ArraySlice<Int32>], position: Int) {
    var slots = input.mutableIntegers
    for (row, next) in piece.enumerated() {
      for (place, token) in next.enumerated() {
        precondition(token >= 0 && token < vocabulary, "a token outside the vocabulary")
        slots[row * tokens + place] = token
      }
    }
    program.pass.position = position
    if let dependent, hasReadSource {
      program.forward(only: dependent)
    } else {
      _ = program.forward()
      hasReadSource = true
    }
  }

  /// Of each row's last token, (rows, vocabulary).
  var lastLogits: [Float] {
    let prediction = program.prediction
    return (0..<rows).flatMap { row in
      let start = (row * tokens + tokens - 1) * vocabulary
      return prediction.slice(start..<start + vocabulary).floatArray
    }
  }

  /// Of every token, (rows, tokens, vocabulary).
  var logits: [Float] { program.prediction.floatArray }
}

extension TensorSlice {
  /// A copy of its elements.
  var floatArray: [Float] {
    let floats = floats
    return floats.indices.map { floats[$0] }
  }
}
