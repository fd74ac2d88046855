import Kernels
import Layers
import Tensors

/// The conditions of a run of a layer.
struct Conditions {
  var activations = ElementType.float32
  /// Whether the output is float32 even where activations are not.
  var widensOutput = false
  var isTraining = true
  var needsInputGradients = true
  var trainsParameters = true
  var accumulates = false
}

/// One layer with memory of its own, every tensor guarded: the plan of a test.
///
/// Like oneDNN's primitives it belongs to the thread that made it.
final class LayerBench {
  let layer: any Layer
  let conditions: Conditions
  let inputs: [GuardedTensor]
  let output: GuardedTensor
  let outputGradient: GuardedTensor
  let parameters: [GuardedTensor]
  /// bfloat16 copies of the weights; the masters themselves in float32.
  let bf16Weights: [GuardedTensor]
  let buffers: [GuardedTensor]
  let batchStatistics: [GuardedTensor]
  let saved: [GuardedTensor]
  /// KV cache or recurrent state; passes of a bench begin at position 0 unless `change` says otherwise.
  let sequenceState: [GuardedTensor]
  let prepared: [GuardedTensor]
  let scratch: GuardedTensor
  /// Those that are wanted; of no elements where they are not.
  let inputGradients: [GuardedTensor]
  let parameterGradients: [GuardedTensor]

  private let stream = OneDNNStream()
  private let matmuls: [Matmul]
  private let convolutions: [Convolution]
  private let table: UnsafeMutableBufferPointer<TensorSlice>
  private let matmulTable: UnsafeMutableBufferPointer<Unmanaged<Matmul>>
  private let convolutionTable: UnsafeMutableBufferPointer<Unmanaged<Convolution>>
  private let passPointer: UnsafeMutablePointer<Pass>
  private let counts: Frame.Counts

  var loss: LossSums { passPointer.pointee.loss }
  var gradients: [GuardedTensor] { inputGradients + parameterGradients }
  var results: [GuardedTensor] { [output] + saved + batchStatistics + sequenceState }
  private var all: [GuardedTensor] {
    inputs + gradients + results + [outputGradient, scratch] + parameters + bf16Weights + buffers + prepared
  }

  init(_ layer: any Layer, _ conditions: Conditions = Conditions()) {
    self.layer = layer
    self.conditions = conditions
    let type = conditions.activations
    let isLoss = layer is any Loss
    inputs = layer.inputShapes.enumerated().map { index, shape in
      let values: ElementType = isLoss && index > 0 ? .float32 : type
      return GuardedTensor(count: shape.elementCount, type: layer.integerInputs[index] == nil ? values : .int32)
    }
    let outputType = conditions.widensOutput || isLoss ? .float32 : type
    let outputCount = isLoss ? 0 : layer.outputShape.elementCount
    output = GuardedTensor(count: outputCount, type: outputType)
    outputGradient = GuardedTensor(count: conditions.isTraining ? outputCount : 0, type: outputType)
    let wanted = layer.inputShapes.indices.map {
      conditions.isTraining && conditions.needsInputGradients && !(isLoss && $0 > 0)
        && layer.integerInputs[$0] == nil
    }
    inputGradients = zip(layer.inputShapes, wanted).map { GuardedTensor(count: $1 ? $0.elementCount : 0, type: type) }
    let trains = conditions.isTraining && conditions.trainsParameters
    parameters = layer.parameters.map { GuardedTensor(count: $0.shape.elementCount, type: .float32) }
    parameterGradients = layer.parameters.map {
      GuardedTensor(count: trains ? $0.shape.elementCount : 0, type: .float32)
    }
    bf16Weights = zip(layer.parameters, parameters).map {
      type == .bfloat16 && $0.shape.rank >= 2 && !$0.isPrepared ? GuardedTensor(count: $1.slice.count, type: type) : $1
    }
    buffers = layer.buffers.map { GuardedTensor(count: $0.shape.elementCount, type: .float32) }
    batchStatistics = layer.buffers.map { GuardedTensor(count: $0.shape.elementCount, type: .float32) }
    saved = layer.saved.map { GuardedTensor(count: $0.elementCount, type: .float32) }
    let placement = LayerPlacement(
      inputs: type, output: outputType, isTraining: conditions.isTraining, needsInputGradient: wanted,
      accumulatesInputGradient: wanted.map { $0 && conditions.accumulates },
      accumulatesParameterGradient: layer.parameters.map { _ in trains && conditions.accumulates })
    sequenceState = layer.sequenceState(placement).map { GuardedTensor(count: $0.shape.elementCount, type: $0.type) }
    prepared = layer.prepared(placement).map { GuardedTensor(count: ($0 + 3) / 4, type: .float32) }
    scratch = GuardedTensor(count: (layer.scratchByteCount(placement) + 3) / 4, type: .float32)
    let stream = stream
    matmuls = layer.matmuls(placement).map { Matmul($0, on: stream) }
    convolutions = layer.convolutions(placement).map { Convolution($0, on: stream) }

    var counts = Frame.Counts()
    counts.inputs = inputs.count
    counts.parameters = parameters.count
    counts.buffers = buffers.count
    counts.saved = saved.count
    counts.sequenceState = sequenceState.count
    counts.prepared = prepared.count
    counts.matmuls = matmuls.count
    counts.convolutions = convolutions.count
    counts.runsBackward = placement.isTraining
    self.counts = counts
    table = .allocate(capacity: counts.total)
    matmulTable = .allocate(capacity: matmuls.count + 1)
    convolutionTable = .allocate(capacity: convolutions.count + 1)
    passPointer = .allocate(capacity: 1)
    passPointer.initialize(to: Pass())
    passPointer.pointee.isTraining = conditions.isTraining
    passPointer.pointee.validRows = layer.inputShapes[0][0]
    passPointer.pointee.step = 3
    var slices = zip(inputs, inputGradients).flatMap { [$0.slice, $1.slice] } + [output.slice, outputGradient.slice]
    for index in parameters.indices {
      slices += [parameters[index].slice, bf16Weights[index].slice, parameterGradients[index].slice]
    }
    slices +=
      zip(buffers, batchStatistics).flatMap { [$0.slice, $1.slice] }
      + (saved + sequenceState + prepared + [scratch]).map(\.slice)
    _ = table.initialize(fromContentsOf: slices)
    _ = matmulTable.initialize(fromContentsOf: matmuls.map(Unmanaged.passUnretained))
    _ = convolutionTable.initialize(fromContentsOf: convolutions.map(Unmanaged.passUnretained))
  }

  deinit {
    table.deallocate()
    matmulTable.deallocate()
    convolutionTable.deallocate()
    passPointer.deallocate()
  }

  private var frame: Frame? {
    guard let slices = table.baseAddress, let matmuls = matmulTable.baseAddress,
      let convolutions = convolutionTable.baseAddress
    else { return nil }
    return Frame(
      slices: UnsafePointer(slices), matmuls: UnsafePointer(matmuls), convolutions: UnsafePointer(convolutions),
      pass: passPointer, counts: counts, accumulatedInputs: conditions.accumulates ? .max : 0,
      accumulatedParameters: conditions.accumulates ? .max : 0, index: 5)
  }

  func prepare() { if let frame { layer.prepare(frame) } }
  func forward() { if let frame { layer.forward(frame) } }
  func backward() { if let frame { layer.backward(frame) } }

  /// The pass that runs next.
  func change(_ change: (inout Pass) -> Void) { change(&passPointer.pointee) }

  /// Gives inputs, parameters and buffers their values, the same in every bench of the layer, and has it prepare.
  ///
  /// Inputs keep away from 0, where some activations have a kink, and from each other for the sake of maxima. All
  /// values are exact in bfloat16.
  func fill() {
    for (index, input) in inputs.enumerated() {
      let random = RandomStream(seed: 11, purpose: .checking, stream: index)
      switch (layer is any Loss && index > 0, layer.integerInputs[index]) {
      case (_, let bound?): input.values = (0..<input.slice.count).map { Float(random.integer($0, below: bound)) }
      case (true, _): input.values = Self.exact(input.slice.count) { random.uniform($0) }
      case _ where layer is MaxPool2D:
        // Any 251 in a row are different.
        input.values = (0..<input.slice.count).map { Float($0 * 97 % 251 - 125) / 32 }
      default:
        input.values = Self.exact(input.slice.count) {
          let x = random.normal($0)
          return x + (x < 0 ? -0.25 : 0.25)
        }
      }
    }
    // From about 1/√units on, recurrent networks are chaotic: rounding and small steps grow from step to step.
    let deviation: Float = layer is any RecurrentLayer ? 0.2 : 0.7
    for (index, parameter) in parameters.enumerated() {
      let random = RandomStream(seed: 12, purpose: .checking, stream: index)
      parameter.values = Self.exact(parameter.slice.count) { deviation * random.normal($0) }
    }
    copyBF16Weights()
    for (index, buffer) in buffers.enumerated() {
      let random = RandomStream(seed: 13, purpose: .checking, stream: index)
      buffer.values = (0..<buffer.slice.count).map { 0.5 + random.uniform($0) }
    }
    prepare()
  }

  /// Makes the bf16 weights follow the parameters.
  func copyBF16Weights() {
    for (parameter, copy) in zip(parameters, bf16Weights) where copy !== parameter { copy.values = parameter.values }
  }

  func fillOutputGradient() {
    let random = RandomStream(seed: 14, purpose: .checking)
    outputGradient.values = Self.exact(outputGradient.slice.count, random.normal)
  }

  private static func exact(_ count: Int, _ value: (Int) -> Float) -> [Float] {
    (0..<count).map { BFloat16(value($0)).float }
  }

  func poison(_ tensors: [GuardedTensor]) { for tensor in tensors { tensor.poison() } }

  /// The changes by `run` of memory that it must not write: strips beside tensors, and every tensor but `writable`.
  func trespasses(in run: () -> Void, writable: [GuardedTensor]) -> [String] {
    let others = all.filter { tensor in !writable.contains { $0 === tensor } }
    let before = others.map(\.bits)
    run()
    var complaints = all.allSatisfy(\.isIntact) ? [] : ["writes outside its tensors"]
    if others.map(\.bits) != before { complaints.append("writes a tensor that it may only read") }
    return complaints
  }
}
