import Kernels
import Layers
import Tensors

/// Decides types, lifetimes and offsets of the tensors of one graph.
struct PlanLayout {
  typealias Value = ModelGraph.Value
  typealias Tensor = ExecutionPlan.Tensor

  private let graph: ModelGraph
  private let table: ParameterTable
  private let precision: Precision
  private let isTraining: Bool
  private let frozen: Set<String>
  private let sharesMemory: Bool
  private var packer = MemoryPacker()

  // Until `pack()` has run, a tensor's place holds a ticket of the packer instead of an offset.
  private var outputs: [Value: Tensor] = [:]
  private var fieldCopies: [Int: Tensor] = [:]
  private var gradients: [Int: Tensor] = [:]
  private var runsBackward: [Bool] = []
  private var steps: [ExecutionPlan.Step] = []
  private(set) var preparedByteCount = 0
  private(set) var sequenceStateByteCount = 0

  private var count: Int { graph.nodes.count }
  private func backwardTime(_ node: Int) -> Int { 2 * count - 1 - node }

  init(
    _ graph: ModelGraph, table: ParameterTable, precision: Precision, isTraining: Bool, frozen: Set<String>,
    sharesMemory: Bool
  ) {
    self.graph = graph
    self.table = table
    self.precision = precision
    self.isTraining = isTraining
    self.frozen = frozen
    self.sharesMemory = sharesMemory
  }

  /// The value that shares its memory with `value`: a reshape's output is its input.
  private func root(_ value: Value) -> Value {
    var value = value
    while case .node(let index) = value, graph.nodes[index].layer.isReshape { value = graph.nodes[index].inputs[0] }
    return value
  }

  private func isLoss(_ node: Int) -> Bool { node == graph.lossNode }

  /// Whether an input of a node is a target or a weight of the loss: those after the first, float32 in every run.
  private func isTarget(_ position: Int, of node: Int) -> Bool { isLoss(node) && position > 0 }

  // MARK: Which layers run backwards

  /// The nodes that read each node's output, seen through reshapes; reshapes themselves read nothing.
  private func readers() -> [Value: [Int]] {
    var readers: [Value: [Int]] = [:]
    for (index, node) in graph.nodes.enumerated() where !node.layer.isReshape {
      for input in node.inputs { readers[root(input), default: []].append(index) }
    }
    return readers
  }

  private func backwardSteps(_ readers: [Value: [Int]]) -> [Bool] {
    guard isTraining else { return [Bool](repeating: false, count: count) }
    var depends = [Bool](repeating: false, count: count)
    for (index, node) in graph.nodes.enumerated() {
      let trains = node.parameterNames.contains { !frozen.contains($0) }
      depends[index] = trains || node.inputs.contains { if case .node(let i) = $0 { depends[i] } else { false } }
    }
    var runs = [Bool](repeating: false, count: count)
    for index in graph.nodes.indices.reversed() where depends[index] && !graph.nodes[index].layer.isReshape {
      runs[index] = isLoss(index) || readers[.node(index), default: []].contains { runs[$0] }
    }
    return runs
  }

  // MARK: Types and lifetimes

  private func outputType(_ node: Int, _ readers: [Int]) -> ElementType {
    if isLoss(node) { return .float32 }
    let feedsOnlyTheLoss = readers.allSatisfy(isLoss) && graph.prediction.map(root) == .node(node)
    return graph.nodes[node].layer.canWidenOutput && feedsOnlyTheLoss ? .float32 : precision.activations
  }

  private mutating func place(count: Int, _ type: ElementType, _ lifetimes: ClosedRange<Int>...) -> Tensor {
    let ticket = packer.add(
      byteCount: count * type.byteCount, lifetimes: sharesMemory ? lifetimes : [0...2 * self.count])
    return Tensor(place: .activations(ticket), count: count, type: type)
  }

  private func readsBackwards(_ reader: Int, _ value: Value) -> Bool {
    let node = graph.nodes[reader]
    return node.inputs.indices.contains {
      root(node.inputs[$0]) == value && node.layer.backwardReads.contains(.input($0))
    }
  }

  /// The last moment at which the output of `value` is read.
  private func lastUse(of value: Value, _ readers: [Int], producedBy producer: Int?) -> Int {
    var last = producer ?? 0
    for reader in readers {
      last = max(last, reader)
      if runsBackward[reader], readsBackwards(reader, value) { last = max(last, backwardTime(reader)) }
    }
    if let producer, runsBackward[producer], graph.nodes[producer].layer.backwardReads.contains(.output) {
      last = max(last, backwardTime(producer))
    }
    if value == graph.prediction.map(root) { last = max(last, count - 1) }
    return last
  }

  mutating func placeTensors() {
    let readers = readers()
    runsBackward = backwardSteps(readers)
    for (index, field) in graph.fields.enumerated() {
      let value = Value.field(index)
      outputs[value] = Tensor(place: .field(index), count: field.shape.elementCount, type: field.type)
      let layers = readers[value, default: []].filter { reader in
        let inputs = graph.nodes[reader].inputs
        return inputs.indices.contains { root(inputs[$0]) == value && !isTarget($0, of: reader) }
      }
      if field.type == .float32, precision.activations != .float32, !layers.isEmpty {
        let last = lastUse(of: value, layers, producedBy: nil)
        fieldCopies[index] = place(count: field.shape.elementCount, precision.activations, 0...last)
      }
    }
    for (index, node) in graph.nodes.enumerated() where !node.layer.isReshape {
      let value = Value.node(index)
      let nodeReaders = readers[value, default: []]
      let type = outputType(index, nodeReaders)
      let size = node.layer.outputShape.elementCount
      outputs[value] =
        isLoss(index)
        ? Tensor(place: .nowhere, count: 0, type: type)
        : place(count: size, type, index...lastUse(of: value, nodeReaders, producedBy: index))
      if runsBackward[index], !isLoss(index), let first = nodeReaders.filter({ runsBackward[$0] }).max() {
        gradients[index] = place(count: size, type, backwardTime(first)...backwardTime(index))
      }
    }
    var writtenInputs: Set<Int> = []
    var writtenParameters: Set<String> = []
    for index in graph.nodes.indices.reversed() where !graph.nodes[index].layer.isReshape {
      steps.append(step(index, &writtenInputs, &writtenParameters))
    }
    steps.reverse()
  }

  // MARK: Steps

  private func input(_ position: Int, of node: Int) -> Tensor {
    let root = root(graph.nodes[node].inputs[position])
    if case .field(let index) = root, !isTarget(position, of: node), let copy = fieldCopies[index] { return copy }
    return outputs[root] ?? .none
  }

  private mutating func step(
    _ index: Int, _ writtenInputs: inout Set<Int>, _ writtenParameters: inout Set<String>
  ) -> ExecutionPlan.Step {
    let node = graph.nodes[index]
    let layer = node.layer
    let runs = runsBackward[index]
    let output = outputs[.node(index)] ?? .none
    var tensors: [Tensor] = []
    var accumulatesInput: [Bool] = []
    var needsInput: [Bool] = []
    for (position, value) in node.inputs.enumerated() {
      tensors.append(input(position, of: index))
      var gradient = Tensor.none
      var accumulates = false
      if runs, case .node(let producer) = root(value), let wanted = gradients[producer] {
        gradient = wanted
        accumulates = !writtenInputs.insert(producer).inserted
      }
      tensors.append(gradient)
      needsInput.append(gradient.count > 0)
      accumulatesInput.append(accumulates)
    }
    tensors += [output, gradients[index] ?? .none]
    var accumulatesParameter: [Bool] = []
    for name in node.parameterNames {
      let (master, bf16Weights, gradient) = placeParameter(name, runs: runs)
      tensors += [master, bf16Weights, gradient]
      accumulatesParameter.append(gradient.count > 0 && !writtenParameters.insert(name).inserted)
    }
    for name in node.bufferNames { tensors += placeBuffer(name) }
    let lastMoment = runs ? backwardTime(index) : index
    for shape in layer.saved { tensors.append(place(count: shape.elementCount, .float32, index...lastMoment)) }
    let placement = LayerPlacement(
      inputs: tensors.first?.type ?? .float32, output: output.type, isTraining: isTraining && runs,
      needsInputGradient: needsInput, accumulatesInputGradient: accumulatesInput,
      accumulatesParameterGradient: accumulatesParameter)
    let sequenceState = layer.sequenceState(placement)
    for declaration in sequenceState { tensors.append(placeSequenceState(declaration)) }
    for byteCount in layer.prepared(placement) { tensors.append(placePrepared(byteCount)) }
    let scratch = layer.scratchByteCount(placement)
    tensors.append(
      scratch > 0 ? place(count: (scratch + 3) / 4, .float32, index...index, lastMoment...lastMoment) : .none)
    let matmuls = layer.matmuls(placement)
    let convolutions = layer.convolutions(placement)
    var counts = Frame.Counts()
    counts.inputs = node.inputs.count
    counts.parameters = layer.parameters.count
    counts.buffers = layer.buffers.count
    counts.saved = layer.saved.count
    counts.sequenceState = sequenceState.count
    counts.prepared = tensors.count - counts.preparedIndex - 1
    counts.matmuls = matmuls.count
    counts.convolutions = convolutions.count
    counts.runsBackward = placement.isTraining
    precondition(counts.total == tensors.count)
    return ExecutionPlan.Step(
      name: node.name, layer: layer, counts: counts, tensors: tensors, sequenceState: sequenceState, matmuls: matmuls,
      convolutions: convolutions, parameters: node.parameterNames.compactMap(table.index),
      accumulatedInputs: Self.bits(accumulatesInput), accumulatedParameters: Self.bits(accumulatesParameter),
      runsBackward: runs, index: node.index)
  }

  private func placeParameter(_ name: String, runs: Bool) -> (master: Tensor, bf16Weights: Tensor, gradient: Tensor) {
    guard let index = table.index(of: name) else { preconditionFailure("\(name) is not in the parameter table") }
    let entry = table.entries[index]
    let master = Tensor(place: .parameters(entry.offset), count: entry.count, type: .float32)
    var bf16Weights = master
    if precision == .bfloat16, let offset = entry.bf16WeightsOffset {
      bf16Weights = Tensor(place: .bf16Weights(offset), count: entry.count, type: .bfloat16)
    }
    var gradient = Tensor.none
    if runs, !frozen.contains(name) {
      gradient = Tensor(place: .gradients(entry.offset), count: entry.count, type: .float32)
    }
    return (master, bf16Weights, gradient)
  }

  private mutating func placePrepared(_ byteCount: Int) -> Tensor {
    defer { preparedByteCount += Arena.aligned(byteCount) }
    return Tensor(place: .prepared(preparedByteCount), count: (byteCount + 3) / 4, type: .float32)
  }

  private mutating func placeSequenceState(_ declaration: SequenceStateDeclaration) -> Tensor {
    let count = declaration.shape.elementCount
    defer { sequenceStateByteCount += Arena.aligned(count * declaration.type.byteCount) }
    return Tensor(place: .sequenceState(sequenceStateByteCount), count: count, type: declaration.type)
  }

  private func placeBuffer(_ name: String) -> [Tensor] {
    guard let buffer = table.buffer(named: name) else {
      preconditionFailure("\(name) is not in the parameter table")
    }
    let count = buffer.declaration.shape.elementCount
    return [
      Tensor(place: .buffers(buffer.offset), count: count, type: .float32),
      Tensor(place: .batchStatistics(buffer.offset), count: count, type: .float32),
    ]
  }

  private static func bits(_ flags: [Bool]) -> UInt64 {
    precondition(flags.count <= UInt64.bitWidth)
    return flags.enumerated().reduce(0) { $1.element ? $0 | 1 << UInt64($1.offset) : $0 }
  }

  // MARK: Offsets

  /// Packs the activations and replaces tickets by offsets.
  func finish() -> ([ExecutionPlan.Step], [ExecutionPlan.Conversion], Tensor, Int) {
    let (offsets, byteCount) = packer.pack()
    func resolved(_ tensor: Tensor) -> Tensor {
      guard case .activations(let ticket) = tensor.place else { return tensor }
      return Tensor(place: .activations(offsets[ticket]), count: tensor.count, type: tensor.type)
    }
    let steps = steps.map { step in
      var step = step
      step.tensors = step.tensors.map(resolved)
      return step
    }
    let conversions = fieldCopies.sorted { $0.key < $1.key }.map {
      ExecutionPlan.Conversion(field: $0.key, copy: resolved($0.value))
    }
    return (steps, conversions, resolved(graph.prediction.flatMap { outputs[root($0)] } ?? .none), byteCount)
  }
}
