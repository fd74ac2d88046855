import Kernels
import Layers
import Tensors

/// A plan bound to one lane's memory: every tensor an address, every product and convolution made.
///
/// Playing it allocates and looks up nothing. Only the batch and the gradient arena change between micro-batches;
/// binding those rewrites their few entries in the table of slices.
package final class LaneProgram {
  package let plan: ExecutionPlan
  /// The pass that is about to run or has run.
  package var pass: Pass {
    get { passPointer.pointee }
    set { passPointer.pointee = newValue }
  }

  /// Statistics of each watched layer's output, after a forward pass with `watching`.
  package private(set) var watched: [ActivationStatistics]
  package let watchedNames: [String]

  private struct BoundStep {
    let layer: any Layer
    let frame: Frame
    let runsBackward: Bool
    let watch: Watch?
  }

  private struct Watch {
    let index: Int
    let activation: Activation
    let rows: Int
    let columns: Int
    let output: TensorSlice
  }

  /// An entry of the table that binding rewrites.
  private struct Binding {
    let entry: Int
    let offset: Int
    let count: Int
    let type: ElementType
  }

  private let table: UnsafeMutableBufferPointer<TensorSlice>
  private let matmuls: UnsafeMutableBufferPointer<Unmanaged<Matmul>>
  private let convolutions: UnsafeMutableBufferPointer<Unmanaged<Convolution>>
  private let passPointer: UnsafeMutablePointer<Pass>
  private var steps: [BoundStep] = []
  private var gradientBindings: [Binding] = []
  private var batchStatisticsBindings: [Binding] = []
  private var sequenceStateBindings: [Binding] = []
  // Keeps alive the memory that passes write to.
  private var sequenceState: Arena?
  private var fieldBindings: [(field: Int, entry: Int)] = []
  private let conversions: [(field: Int, copy: TensorSlice)]
  private var fields: [TensorSlice]
  package let activations: Arena
  private let prepared: Arena
  private let state: ModelState
  // Owns the primitives that `matmuls` and `convolutions` point to.
  private let store: PrimitiveStore
  /// Empty where the plan does not keep it.
  package let prediction: TensorSlice

  /// - Parameters:
  ///   - activations: at least `plan.activationByteCount` bytes; programs that never run at the same time may share it.
  ///   - prepared: at least `plan.preparedByteCount` bytes; the lanes that play a plan share it.
  ///   - store: made on the thread that will play the program.
  package init(
    _ plan: ExecutionPlan, state: ModelState, activations: Arena, prepared: Arena, store: PrimitiveStore
  ) {
    precondition(activations.byteCount >= plan.activationByteCount && prepared.byteCount >= plan.preparedByteCount)
    self.plan = plan
    self.state = state
    self.activations = activations
    self.prepared = prepared
    self.store = store
    let resolve = { (tensor: ExecutionPlan.Tensor) -> TensorSlice in
      switch tensor.place {
      case .activations(let offset): activations.slice(offset: offset, count: tensor.count, type: tensor.type)
      case .parameters(let offset): state.parameters.slice(offset: offset, count: tensor.count, type: tensor.type)
      case .buffers(let offset): state.buffers.slice(offset: offset, count: tensor.count, type: tensor.type)
      case .bf16Weights(let offset):
        (state.bf16Weights ?? state.parameters).slice(offset: offset, count: tensor.count, type: tensor.type)
      case .prepared(let offset): prepared.slice(offset: offset, count: tensor.count, type: tensor.type)
      case .nowhere, .field, .gradients, .batchStatistics, .sequenceState:
        activations.slice(offset: 0, count: 0, type: tensor.type)
      }
    }
    table = .allocate(capacity: plan.steps.reduce(1) { $0 + $1.counts.total })
    table.initialize(repeating: activations.slice(offset: 0, count: 0, type: .float32))
    matmuls = .allocate(capacity: plan.steps.reduce(1) { $0 + $1.matmuls.count })
    convolutions = .allocate(capacity: plan.steps.reduce(1) { $0 + $1.convolutions.count })
    passPointer = .allocate(capacity: 1)
    passPointer.initialize(to: Pass())
    passPointer.pointee.isTraining = plan.isTraining
    conversions = plan.conversions.map { ($0.field, resolve($0.copy)) }
    fields = plan.graph.fields.map { activations.slice(offset: 0, count: 0, type: $0.type) }
    prediction = resolve(plan.prediction)
    watchedNames = plan.steps.filter { $0.layer.watchedActivation != nil }.map(\.name)
    watched = [ActivationStatistics](
      repeating: ActivationStatistics(rms: 0, deadShare: 0, saturatedShare: 0), count: watchedNames.count)
    bindSteps(resolve)
  }

  deinit {
    table.deallocate()
    matmuls.deallocate()
    convolutions.deallocate()
    passPointer.deallocate()
  }

  private func bindSteps(_ resolve: (ExecutionPlan.Tensor) -> TensorSlice) {
    guard let slices = table.baseAddress, let firstMatmul = matmuls.baseAddress,
      let firstConvolution = convolutions.baseAddress
    else { return }
    var entry = 0
    var matmul = 0
    var convolution = 0
    var watchIndex = 0
    for step in plan.steps {
      let frame = Frame(
        slices: UnsafePointer(slices + entry), matmuls: UnsafePointer(firstMatmul + matmul),
        convolutions: UnsafePointer(firstConvolution + convolution), pass: passPointer, counts: step.counts,
        accumulatedInputs: step.accumulatedInputs, accumulatedParameters: step.accumulatedParameters, index: step.index)
      for tensor in step.tensors {
        table[entry] = resolve(tensor)
        bind(tensor, at: entry)
        entry += 1
      }
      for shape in step.matmuls {
        matmuls.initializeElement(at: matmul, to: Unmanaged.passUnretained(store.matmul(shape)))
        matmul += 1
      }
      for shape in step.convolutions {
        convolutions.initializeElement(at: convolution, to: Unmanaged.passUnretained(store.convolution(shape)))
        convolution += 1
      }
      var watch: Watch?
      if let activation = step.layer.watchedActivation {
        let shape = step.layer.outputShape
        watch = Watch(
          index: watchIndex, activation: activation, rows: shape.elementCount / shape.last, columns: shape.last,
          output: frame.output)
        watchIndex += 1
      }
      steps.append(BoundStep(layer: step.layer, frame: frame, runsBackward: step.runsBackward, watch: watch))
    }
  }

  private func bind(_ tensor: ExecutionPlan.Tensor, at entry: Int) {
    switch tensor.place {
    case .field(let field): fieldBindings.append((field, entry))
    case .gradients(let offset):
      gradientBindings.append(Binding(entry: entry, offset: offset, count: tensor.count, type: tensor.type))
    case .batchStatistics(let offset):
      batchStatisticsBindings.append(Binding(entry: entry, offset: offset, count: tensor.count, type: tensor.type))
    case .sequenceState(let offset):
      sequenceStateBindings.append(Binding(entry: entry, offset: offset, count: tensor.count, type: tensor.type))
    default: break
    }
  }

  /// Sets the tensor that the next pass reads a field of the batch from.
  package func bind(field: Int, to tensor: TensorSlice) {
    precondition(
      tensor.count == plan.graph.fields[field].shape.elementCount && tensor.type == plan.graph.fields[field].type)
    fields[field] = tensor
    for binding in fieldBindings where binding.field == field { table[binding.entry] = tensor }
  }

  /// Sets the arena that the next backward pass writes the gradients of the parameters to.
  package func bind(gradients: Arena) {
    for binding in gradientBindings {
      table[binding.entry] = gradients.slice(offset: binding.offset, count: binding.count, type: binding.type)
    }
  }

  /// Sets the arena that the next forward pass writes batch statistics to.
  package func bind(batchStatistics: Arena) {
    for binding in batchStatisticsBindings {
      table[binding.entry] = batchStatistics.slice(offset: binding.offset, count: binding.count, type: binding.type)
    }
  }

  /// Sets the KV caches and recurrent states of the sequences whose next piece the next forward pass reads.
  package func bind(sequenceState: Arena) {
    precondition(sequenceState.byteCount >= plan.sequenceStateByteCount)
    self.sequenceState = sequenceState
    for binding in sequenceStateBindings {
      table[binding.entry] = sequenceState.slice(offset: binding.offset, count: binding.count, type: binding.type)
    }
  }

  /// Packs the weights of some steps, for all lanes.
  package func prepare(_ steps: [Int]) {
    for index in steps { self.steps[index].layer.prepare(self.steps[index].frame) }
  }

  /// Packs the weights of every step.
  package func prepareAll() { for share in plan.preparationShares(lanes: 1) { prepare(share) } }

  /// Runs every layer on the bound batch.
  ///
  /// - Parameters:
  ///   - watching: also measures the watched activations, into `watched`.
  ///   - finished: called after each step of the plan, with its number.
  /// - Returns: the sums of the loss layer.
  package func forward(watching: Bool = false, finished: (Int) -> Void = { _ in }) -> LossSums {
    for conversion in conversions { Elementwise.convert(fields[conversion.field], into: conversion.copy) }
    for (index, step) in steps.enumerated() {
      step.layer.forward(step.frame)
      finished(index)
      if watching, let watch = step.watch {
        watched[watch.index] = ActivationStatistics.measure(
          watch.output, rows: watch.rows, columns: watch.columns, activation: watch.activation)
      }
    }
    return passPointer.pointee.loss
  }

  /// Runs some of the steps again on the results of the others, so the plan's tensors must share no memory.
  package func forward(only numbers: [Int]) {
    for number in numbers { steps[number].layer.forward(steps[number].frame) }
  }

  /// The tensors that a step has written: its output after `forward`, the gradients of its inputs after `backward`.
  package func outcome(of step: Int, backward: Bool) -> [TensorSlice] {
    let frame = steps[step].frame
    guard backward else { return [frame.output] }
    return (0..<plan.steps[step].counts.inputs).compactMap { frame.inputGradient($0) }
  }

  /// Runs every layer backwards, after `forward()` on the same batch; writes the bound gradient arena.
  ///
  /// - Parameter finished: called after each step of the plan, with its number.
  package func backward(finished: (Int) -> Void = { _ in }) {
    for index in steps.indices.reversed() where steps[index].runsBackward {
      steps[index].layer.backward(steps[index].frame)
      finished(index)
    }
  }
}
