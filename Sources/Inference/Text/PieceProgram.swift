import Data
import Models
import Runs
import Tensors

/// The encoder's source and its length, the same in every row.
final class SourceBatch {
  let length: Int
  let tokens: TensorSlice
  let lengths: TensorSlice
  private let rows: Int
  // Owns the memory of the slices.
  private let arena: Arena

  init(_ field: SampleField, rows: Int) {
    self.rows = rows
    length = field.shape[0]
    let bytes = Arena.aligned(4 * rows * length)
    arena = Arena(byteCount: bytes + 4 * rows)
    tokens = arena.slice(offset: 0, count: rows * length, type: .int32)
    lengths = arena.slice(offset: bytes, count: rows, type: .int32)
  }

  /// - Parameter source: at least one token, and at most as many as in training.
  func set(_ source: [Int32]) throws(RunError) {
    guard (1...length).contains(source.count) else {
      throw RunError(
        .configuration, "--source: expected 1 to the \(length) tokens that the encoder reads, found \(source.count)")
    }
    var tokens = tokens.mutableIntegers
    var lengths = lengths.mutableIntegers
    for row in 0..<rows {
      for place in 0..<length { tokens[row * length + place] = place < source.count ? source[place] : 0 }
      lengths[row] = Int32(source.count)
    }
  }
}

/// A program for pieces of one length, with its own activations.
final class PieceProgram {
  let tokens: Int
  let plan: ExecutionPlan
  let program: LaneProgram
  let activations: Arena
  /// Whether the activations hold the encoder's output.
  var hasReadSource = false
  private let rows: Int
  private let vocabulary: Int
  private let dependent: [Int]?
  /// By number in the graph.
  let fields: [TensorSlice]
  private let input: TensorSlice
  private let sequenceState: Arena
  // Own the memory of `input` and the source.
  private let batch: Arena
  private let source: SourceBatch?

  init(
    _ language: LanguageModel, rows: Int, tokens: Int, source: SourceBatch?, remembers: Bool = true,
    keepsOutputs: Bool = false
  ) throws {
    self.rows = rows
    self.tokens = tokens
    vocabulary = language.vocabulary
    // The steps of an encoder run once, so their outputs must stay.
    var options = PlanOptions()
    options.sharesMemory = source == nil && !keepsOutputs
    options.fusesNeighbours = !keepsOutputs
    plan = ExecutionPlan(
      try language.graph(rows: rows, tokens: tokens, remembers: remembers), table: language.state.table,
      precision: language.precision, isTraining: false, options: options)
    dependent = source == nil ? nil : plan.steps(dependingOn: 0)
    activations = Arena(byteCount: plan.activationByteCount)
    program = LaneProgram(
      plan, state: language.state, activations: activations,
      prepared: Arena(byteCount: plan.preparedByteCount), store: PrimitiveStore())
    LaneThread.perform { [program] in program.prepareAll() }
    sequenceState = Arena(byteCount: remembers ? 0 : plan.sequenceStateByteCount)
    // The state that a whole sequence leaves is written, but never read.
    if !remembers { program.bind(sequenceState: sequenceState) }
    self.source = source
    batch = Arena(byteCount: 4 * rows * tokens)
    input = batch.all(as: .int32)
    program.pass.validRows = rows
    fields = plan.graph.fields.enumerated().map { [input] number, field in
      guard number > 0 else { return input }
      guard let source else { preconditionFailure("nothing fills the field \"\(field.name)\"") }
      return field.name == LanguageModel.sourceField ? source.tokens : source.lengths
    }
    for (number, field) in fields.enumerated() { program.bind(field: number, to: field) }
  }

  /// - Parameter position: earlier tokens of the sequences.
  func read(_ piece: [ArraySlice<Int32>], position: Int) {
    var values = input.mutableIntegers
    for (row, next) in piece.enumerated() {
      for (place, token) in next.enumerated() {
        precondition(token >= 0 && token < vocabulary, "a token outside the vocabulary")
        values[row * tokens + place] = token
      }
    }
    program.pass.position = position
    LaneThread.perform {
      if let dependent, hasReadSource {
        program.forward(only: dependent)
      } else {
        _ = program.forward()
        hasReadSource = true
      }
    }
  }

  /// The logits of each row's last token, (rows, vocabulary).
  var lastLogits: [Float] {
    let prediction = program.prediction
    return (0..<rows).flatMap { row in
      let start = (row * tokens + tokens - 1) * vocabulary
      return prediction.slice(start..<start + vocabulary).floatArray
    }
  }

  /// The logits of every token, (rows, tokens, vocabulary).
  var logits: [Float] { program.prediction.floatArray }
}

extension TensorSlice {
  /// A copy of its elements.
  var floatArray: [Float] {
    let floats = floats
    return floats.indices.map { floats[$0] }
  }
}
