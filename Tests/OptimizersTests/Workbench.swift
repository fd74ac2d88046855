import Configuration
import JSON
import Kernels
import Optimizers
import Tensors
import Testing

/// A parameter with its states, and gradients that tests can recompute.
struct Workbench {
  let optimizer: any Optimizer
  let parameter: Arena
  let gradient: Arena
  let average: Arena
  let bf16Weights: Arena
  let states: [Arena]
  let count: Int

  init(_ json: String, count: Int) throws {
    optimizer = try optimizerCatalog.read(JSONParser.parse(json, file: "test")).product.optimizer
    self.count = count
    parameter = Arena(byteCount: 4 * count)
    gradient = Arena(byteCount: 4 * count)
    average = Arena(byteCount: 4 * count)
    bf16Weights = Arena(byteCount: 2 * count)
    states = optimizer.stateNames.map { _ in Arena(byteCount: 4 * count) }
    for i in 0..<count { write(parameter, i, Self.start(i)) }
    average.copy(from: parameter)
  }

  /// Multiples of 2⁻¹⁰, so that float32 holds them exactly.
  static func start(_ i: Int) -> Float { Float((i * 7919 + 13) % 2001 - 1000) / 1024 }
  static func gradient(_ i: Int, _ step: Int) -> Float { Float((i * 104_729 + step * 7907 + 7) % 2001 - 1000) / 1024 }

  func write(_ arena: Arena, _ i: Int, _ value: Float) {
    var span = arena.all(as: .float32).mutableFloats
    span[i] = value
  }

  func read(_ arena: Arena) -> [Float] {
    let span = arena.all(as: .float32)
    return (0..<count).map { span.floats[$0] }
  }

  /// One step, in chunks of at most `chunk` elements.
  func step(_ scalars: UpdateScalars, chunk: Int? = nil, measures: Bool = true) -> UpdateStatistics {
    for i in 0..<count { write(gradient, i, Self.gradient(i, scalars.step)) }
    return update(scalars, chunk: chunk, measures: measures)
  }

  func update(_ scalars: UpdateScalars, chunk: Int? = nil, measures: Bool = true) -> UpdateStatistics {
    var statistics = UpdateStatistics()
    for first in stride(from: 0, to: count, by: chunk ?? max(1, count)) {
      let length = min(chunk ?? count, count - first)
      func slice(_ arena: Arena) -> TensorSlice { arena.slice(offset: 4 * first, count: length, type: .float32) }
      var piece = UpdateChunk(gradient: slice(gradient), parameter: slice(parameter))
      for (index, state) in states.enumerated() { piece.setState(index, slice(state)) }
      piece.average = slice(average)
      piece.bf16Weights = bf16Weights.slice(offset: 2 * first, count: length, type: .bfloat16)
      statistics.merge(optimizer.update(piece, scalars, measures: measures))
    }
    return statistics
  }
}

func scalars(step: Int, rate: Double = 0.01, decay: Double = 0) -> UpdateScalars {
  var scalars = UpdateScalars()
  scalars.learningRate = rate
  scalars.weightDecay = decay
  scalars.step = step
  return scalars
}

func json(_ text: String) throws -> JSON { try JSONParser.parse(text, file: "test") }

/// The error that decoding `text` from `catalog` throws.
func failure<Product>(_ catalog: Catalog<Product>, _ text: String, path: String = "") throws -> String? {
  let json = try json(text)
  do {
    _ = try catalog.read(json, path: path)
    return nil
  } catch {
    return error.description
  }
}
