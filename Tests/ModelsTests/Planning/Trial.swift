import Kernels
import Layers
import Models
import Tensors

/// The precisions that this CPU has products for.
let precisions: [Precision] = OneDNN.supportsBFloat16 ? [.float32, .bfloat16] : [.float32]

/// A network with its state and one lane, which plays one random micro-batch.
final class Trial {
  /// The results of a pass.
  struct Outcome: Equatable {
    var loss: LossSums
    var prediction: [Float]
    var gradients: [UInt8]
    var batchStatistics: [UInt8]
  }

  let plan: ExecutionPlan
  let state: ModelState
  let gradients: Arena
  let batchStatistics: Arena
  private let program: LaneProgram
  private var fields: [Arena] = []

  init(
    _ graph: ModelGraph, _ precision: Precision = .float32, isTraining: Bool = true, frozen: Set<String> = [],
    seed: UInt64 = 1, _ change: (inout PlanOptions) -> Void = { _ in }
  ) throws {
    var options = PlanOptions()
    change(&options)
    let table = try ParameterTable(graph)
    plan = ExecutionPlan(
      graph, table: table, precision: precision, isTraining: isTraining, frozen: frozen, options: options)
    state = ModelState(table, precision: precision)
    table.initialize(parameters: state.parameters, buffers: state.buffers, seed: seed)
    state.refreshBF16Weights()
    gradients = Arena(byteCount: table.byteCount)
    batchStatistics = Arena(byteCount: table.bufferByteCount)
    let activations = Arena(byteCount: plan.activationByteCount)
    // Memory that is read before it was written is NaN.
    activations.poison()
    let prepared = Arena(byteCount: plan.preparedByteCount)
    prepared.poison()
    program = LaneProgram(
      plan, state: state, activations: activations, prepared: prepared, store: PrimitiveStore())
    program.bind(gradients: gradients)
    program.bind(batchStatistics: batchStatistics)
    program.pass.validRows = graph.fields[0].shape[0]
    program.pass.seed = seed
    for (index, field) in graph.fields.enumerated() { fields.append(program.fill(field, index)) }
  }

  /// Sets the whole numbers of a field.
  func setIntegers(field: Int, _ value: (Int) -> Int) {
    let count = plan.graph.fields[field].shape.elementCount
    var span = fields[field].slice(offset: 0, count: count, type: .int32).mutableIntegers
    for i in span.indices { span[i] = Int32(value(i)) }
  }

  func forward() -> LossSums {
    prepare()
    return program.forward()
  }

  /// Packs the weights by three lanes in turn.
  private func prepare() { for share in plan.preparationShares(lanes: 3) { program.prepare(share) } }

  func run() -> Outcome {
    gradients.poison()
    batchStatistics.poison()
    let loss = forward()
    let prediction = (0..<program.prediction.count).map { program.prediction.value($0) }
    if plan.isTraining { program.backward() }
    return Outcome(
      loss: loss, prediction: prediction, gradients: gradients.allBytes, batchStatistics: batchStatistics.allBytes)
  }

  /// Gives norms random scales, shifts and statistics, as after training.
  func scatterStatistics(seed: UInt64 = 8) {
    for (index, entry) in plan.table.entries.enumerated() where entry.shape.rank == 1 {
      let random = RandomStream(seed: seed, purpose: .checking, stream: index)
      var values = plan.table.slice(entry, in: state.parameters).mutableFloats
      for i in values.indices {
        values[i] = entry.name.hasSuffix("weight") ? 0.5 + random.uniform(i) : 0.5 * random.normal(i)
      }
    }
    for (index, buffer) in plan.table.buffers.enumerated() {
      let random = RandomStream(seed: seed, purpose: .checking, stream: 1000 + index)
      var values = plan.table.slice(buffer, in: state.buffers).mutableFloats
      for i in values.indices {
        values[i] = buffer.name.hasSuffix("var") ? 0.2 + random.uniform(i) : random.normal(i)
      }
    }
  }

  func gradient(of name: String) -> [Float] { values(of: name, in: gradients) }

  func values(of name: String, in arena: Arena) -> [Float] {
    guard let index = plan.table.index(of: name) else { return [] }
    let slice = plan.table.slice(plan.table.entries[index], in: arena)
    return (0..<slice.count).map { slice.floats[$0] }
  }
}

extension LaneProgram {
  /// Binds a field of random numbers, or classes below 5.
  fileprivate func fill(_ field: ModelGraph.Field, _ index: Int) -> Arena {
    let count = field.shape.elementCount
    let arena = Arena(byteCount: count * field.type.byteCount)
    let slice = arena.slice(offset: 0, count: count, type: field.type)
    let random = RandomStream(seed: 21, purpose: .checking, stream: index)
    if field.type == .int32 {
      var span = slice.mutableIntegers
      for i in span.indices { span[i] = Int32(random.integer(i, below: 5)) }
    } else {
      var span = slice.mutableFloats
      for i in span.indices { span[i] = random.normal(i) }
    }
    bind(field: index, to: slice)
    return arena
  }
}

extension Arena {
  /// NaN everywhere, in float32 and bfloat16 alike.
  func poison() {
    let all = all(as: .bfloat16)
    all.address.initializeMemory(as: UInt8.self, repeating: 0xFF, count: byteCount)
  }

  var allBytes: [UInt8] {
    let all = all(as: .bfloat16)
    return (0..<all.byteCount).map { all.bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
  }
}

extension TensorSlice {
  func value(_ index: Int) -> Float {
    type == .float32
      ? floats[index] : BFloat16(bits: bytes.unsafeLoad(fromByteOffset: 2 * index, as: UInt16.self)).float
  }
}

/// ‖a − b‖ relative to ‖b‖.
func distance(_ a: [Float], _ b: [Float]) -> Double {
  let difference = zip(a, b).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }.squareRoot()
  let length = b.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  return difference.isNaN || a.count != b.count ? .infinity : difference / max(length, 1e-12)
}
