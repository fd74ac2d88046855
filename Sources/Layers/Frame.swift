import Kernels
import Tensors

/// The values that all layers share during one pass over one micro-batch.
package struct Pass: Sendable {
  /// Optimizer updates made before this pass.
  package var step = 0
  /// Which part of the batch this is, from 0.
  package var microBatch = 0
  /// Rows that are samples; the rows after them pad the last batch of an evaluation.
  package var validRows = 0
  /// Whether dropout drops, and batch norm uses the batch's own statistics.
  package var isTraining = false
  /// Tokens of the sequence that came before this piece of it; 0 where a sequence begins.
  package var position = 0
  package var seed: UInt64 = 0
  /// The sums that the loss layer reported.
  package var loss = LossSums()

  package init() {}
}

/// Everything a layer sees while it runs: its tensors, as the plan placed them, and the pass it runs in.
///
/// A frame is a view of a table that was resolved before the first step; reading it allocates and looks up nothing.
package struct Frame {
  /// How many slices of each kind a frame holds, in the order in which they lie in the table.
  package struct Counts: Sendable {
    package var inputs = 0
    package var parameters = 0
    package var buffers = 0
    package var saved = 0
    package var sequenceState = 0
    package var prepared = 0
    package var matmuls = 0
    package var convolutions = 0
    /// Whether the plan runs the layer backwards.
    package var runsBackward = false

    package init() {}

    /// Input, its gradient; output, its gradient; parameter, its bf16 weights, its gradient; buffer, its batch
    /// statistics; saved; sequence state; prepared; scratch.
    package var total: Int { scratchIndex + 1 }
    package var outputIndex: Int { 2 * inputs }
    package var parameterIndex: Int { outputIndex + 2 }
    package var bufferIndex: Int { parameterIndex + 3 * parameters }
    package var savedIndex: Int { bufferIndex + 2 * buffers }
    package var sequenceStateIndex: Int { savedIndex + saved }
    package var preparedIndex: Int { sequenceStateIndex + sequenceState }
    package var scratchIndex: Int { preparedIndex + prepared }
  }

  /// The products of a linear map, and their numbers: y from x and W, dW from dy and x, dx from dy and W.
  enum LinearProduct: Int { case forward, weightGradient, inputGradient }

  private let slices: UnsafePointer<TensorSlice>
  private let matmuls: UnsafePointer<Unmanaged<Matmul>>
  private let convolutions: UnsafePointer<Unmanaged<Convolution>>
  private let passPointer: UnsafeMutablePointer<Pass>
  private let counts: Counts
  private let accumulatedInputs: UInt64
  private let accumulatedParameters: UInt64
  /// The layer's place in the graph: its own random numbers.
  private let index: Int

  /// - Parameters:
  ///   - slices: `counts.total` slices; one of no elements means "there is none".
  ///   - accumulatedInputs: bit i is set when something has already been written to the gradient of input i.
  package init(
    slices: UnsafePointer<TensorSlice>, matmuls: UnsafePointer<Unmanaged<Matmul>>,
    convolutions: UnsafePointer<Unmanaged<Convolution>>, pass: UnsafeMutablePointer<Pass>, counts: Counts,
    accumulatedInputs: UInt64, accumulatedParameters: UInt64, index: Int
  ) {
    self.slices = slices
    self.matmuls = matmuls
    self.convolutions = convolutions
    passPointer = pass
    self.counts = counts
    self.accumulatedInputs = accumulatedInputs
    self.accumulatedParameters = accumulatedParameters
    self.index = index
  }

  package func input(_ i: Int = 0) -> TensorSlice { slices[2 * checked(i, counts.inputs)] }

  /// The gradient of input `i`; nil where it is not needed.
  package func inputGradient(_ i: Int = 0) -> TensorSlice? { present(slices[2 * checked(i, counts.inputs) + 1]) }

  /// Whether the gradient of input `i` must be added to, because another layer has written it already.
  package func accumulatesInputGradient(_ i: Int = 0) -> Bool { accumulatedInputs >> UInt64(i) & 1 == 1 }

  package var output: TensorSlice { slices[counts.outputIndex] }

  /// The gradient of the output; the layer is its last reader and may overwrite it.
  package var outputGradient: TensorSlice { slices[counts.outputIndex + 1] }

  /// The float32 master copy.
  package func parameter(_ i: Int) -> TensorSlice { slices[counts.parameterIndex + 3 * checked(i, counts.parameters)] }

  /// The copy that products read: bfloat16 in a mixed-precision run, else the master itself.
  package func bf16Weights(_ i: Int) -> TensorSlice {
    slices[counts.parameterIndex + 3 * checked(i, counts.parameters) + 1]
  }

  /// The gradient of parameter `i`; nil for a frozen one.
  package func parameterGradient(_ i: Int) -> TensorSlice? {
    present(slices[counts.parameterIndex + 3 * checked(i, counts.parameters) + 2])
  }

  /// Whether parameter `i` is shared and another of its users has already written its gradient.
  package func accumulatesParameterGradient(_ i: Int) -> Bool { accumulatedParameters >> UInt64(i) & 1 == 1 }

  /// State that training moves without a gradient, such as running statistics.
  package func buffer(_ i: Int) -> TensorSlice { slices[counts.bufferIndex + 2 * checked(i, counts.buffers)] }

  /// The contribution of this micro-batch to buffer `i`.
  package func batchStatistics(_ i: Int) -> TensorSlice {
    slices[counts.bufferIndex + 2 * checked(i, counts.buffers) + 1]
  }

  /// Kept from forward to backward.
  package func saved(_ i: Int) -> TensorSlice { slices[counts.savedIndex + checked(i, counts.saved)] }

  /// KV cache or recurrent state: read where `position` is above 0, and written for the next piece.
  package func sequenceState(_ i: Int) -> TensorSlice {
    slices[counts.sequenceStateIndex + checked(i, counts.sequenceState)]
  }

  package var sequenceStateCount: Int { counts.sequenceState }

  /// A tensor that `prepare` derived from the parameters: as many bytes as the layer asked for, or up to 3 more.
  package func prepared(_ i: Int) -> TensorSlice { slices[counts.preparedIndex + checked(i, counts.prepared)] }

  /// A tensor that the layer prepares in some plans only.
  func preparedIfAny(_ i: Int) -> TensorSlice? { i < counts.prepared ? prepared(i) : nil }

  /// `LayerPlacement.isTraining`: whether the plan runs the layer backwards.
  var runsBackward: Bool { counts.runsBackward }

  /// Memory for the duration of one call.
  package var scratch: TensorSlice { slices[counts.scratchIndex] }

  /// Parameter 0 of most layers: W, or γ.
  var weight: TensorSlice { parameter(0) }
  var weightGradient: TensorSlice? { parameterGradient(0) }
  /// Parameter 1 of most layers: b, or β.
  var bias: TensorSlice { parameter(1) }
  var biasGradient: TensorSlice? { parameterGradient(1) }

  package func matmul(_ i: Int) -> Matmul { matmuls[checked(i, counts.matmuls)]._withUnsafeGuaranteedRef { $0 } }

  func matmul(_ product: LinearProduct) -> Matmul { matmul(product.rawValue) }
  func convolution(_ product: LinearProduct) -> Convolution { convolution(product.rawValue) }

  package func convolution(_ i: Int) -> Convolution {
    convolutions[checked(i, counts.convolutions)]._withUnsafeGuaranteedRef { $0 }
  }

  package var isTraining: Bool { passPointer.pointee.isTraining }
  package var validRows: Int { passPointer.pointee.validRows }
  /// Tokens of the sequence that came before this piece of it.
  package var position: Int { passPointer.pointee.position }

  /// The random numbers of this layer, in this step, for this micro-batch.
  package func random(_ purpose: RandomPurpose) -> RandomStream {
    let pass = passPointer.pointee
    return RandomStream(
      seed: pass.seed, purpose: purpose, step: pass.step, stream: index << 12 | (pass.microBatch & 0xFFF))
  }

  package func report(_ loss: LossSums) { passPointer.pointee.loss = loss }

  @inline(__always) private func checked(_ i: Int, _ count: Int) -> Int {
    precondition(i >= 0 && i < count)
    return i
  }

  @inline(__always) private func present(_ slice: TensorSlice) -> TensorSlice? { slice.count > 0 ? slice : nil }
}
