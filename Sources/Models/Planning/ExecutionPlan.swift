import Kernels
import Layers
import Tensors

/// The numeric types of a run.
package enum Precision: String, CaseIterable, Sendable {
  case float32
  /// float32 parameters, statistics, losses and sums; bfloat16 products and activations.
  case bfloat16

  package var activations: ElementType { self == .float32 ? .float32 : .bfloat16 }
}

/// The order of a graph's layers and the places of its tensors, decided once before the first step.
///
/// Step i of n runs forwards at time i and backwards at time 2n − 1 − i; a tensor occupies memory from the moment it is
/// first written to the moment it is last read. Places are offsets, never addresses, so every lane plays the same plan.
package struct ExecutionPlan: Sendable {
  /// An arena and the byte that a tensor starts at; of a field, its number.
  package enum Place: Sendable, Equatable {
    case nowhere
    case activations(Int)
    case field(Int)
    case parameters(Int)
    case bf16Weights(Int)
    case gradients(Int)
    case buffers(Int)
    case batchStatistics(Int)
    case prepared(Int)
    case sequenceState(Int)
  }

  package struct Tensor: Sendable {
    package var place: Place
    package var count: Int
    package var type: ElementType

    static let none = Tensor(place: .nowhere, count: 0, type: .float32)
  }

  package struct Step: Sendable {
    package let name: String
    package let layer: any Layer
    package let counts: Frame.Counts
    /// The frame's slices, in its order.
    package internal(set) var tensors: [Tensor]
    package let sequenceState: [SequenceStateDeclaration]
    package let matmuls: [MatmulShape]
    package let convolutions: [ConvolutionShape]
    /// Numbers of its parameters in the parameter table.
    package let parameters: [Int]
    package let accumulatedInputs: UInt64
    package let accumulatedParameters: UInt64
    package let runsBackward: Bool
    /// The layer's number in the graph, which its random numbers depend on.
    package let index: Int

    package var output: Tensor { tensors[counts.outputIndex] }
    /// Multiplications and additions of products, forwards and backwards.
    package var flops: Int {
      if matmuls.isEmpty && convolutions.isEmpty || layer.repeatsMatmuls {
        return layer.forwardFlops * (runsBackward ? 3 : 1)
      }
      return matmuls.reduce(0) { $0 + $1.flops } + convolutions.reduce(0) { $0 + $1.flops }
    }

    /// Bytes of the layer's packed weights.
    package var preparedByteCount: Int {
      tensors[counts.preparedIndex..<counts.scratchIndex].reduce(0) { $0 + $1.count * $1.type.byteCount }
    }
  }

  /// A field that products read in bfloat16, converted once at the start of each pass.
  package struct Conversion: Sendable {
    package let field: Int
    package let copy: Tensor
  }

  package let graph: ModelGraph
  package let table: ParameterTable
  package let precision: Precision
  package let isTraining: Bool
  package let steps: [Step]
  package let conversions: [Conversion]
  /// Nowhere in a plan that does not keep it.
  package let prediction: Tensor
  /// Bytes of a lane's activation arena.
  package let activationByteCount: Int
  /// Bytes of the packed weights, which all lanes share.
  package let preparedByteCount: Int
  /// Bytes of KV caches and recurrent states, per micro-batch whose sequences are read piece by piece.
  package let sequenceStateByteCount: Int
  /// Bytes of the scratchpad that a lane's convolutions share.
  package var convolutionScratchByteCount: Int {
    steps.reduce(0) { max($0, $1.convolutions.reduce(0) { max($0, $1.demand.scratchpadByteCount) }) }
  }

  /// The steps whose weights each lane packs: every such step once, about equal in bytes per lane.
  package func preparationShares(lanes: Int) -> [[Int]] {
    var shares = [(byteCount: Int, steps: [Int])](repeating: (0, []), count: lanes)
    let largestFirst = steps.indices.filter { steps[$0].preparedByteCount > 0 }.sorted {
      (steps[$1].preparedByteCount, $0) < (steps[$0].preparedByteCount, $1)
    }
    for step in largestFirst {
      let lane = shares.indices.min { shares[$0].byteCount < shares[$1].byteCount } ?? 0
      shares[lane].byteCount += steps[step].preparedByteCount
      shares[lane].steps.append(step)
    }
    return shares.map { $0.steps.sorted() }
  }

  /// KV caches and recurrent states: their names, and their places in the arena.
  package var sequenceState: [(name: String, shape: TensorShape, tensor: Tensor)] {
    steps.flatMap { step in
      step.sequenceState.enumerated().map { index, declaration in
        ("\(step.name).\(declaration.name)", declaration.shape, step.tensors[step.counts.sequenceStateIndex + index])
      }
    }
  }

  /// Multiplications and additions of one pass over a micro-batch.
  package var flops: Int { steps.reduce(0) { $0 + $1.flops } }

  /// - Parameters:
  ///   - frozen: names of parameters that get no gradient.
  package init(
    _ unfused: ModelGraph, table: ParameterTable, precision: Precision, isTraining: Bool, frozen: Set<String> = [],
    options: PlanOptions = PlanOptions()
  ) {
    let graph =
      options.fusesNeighbours
      ? unfused.fusingNeighbours(isTraining: isTraining, keepsPrediction: options.keepsPrediction) : unfused
    var layout = PlanLayout(
      graph, table: table, precision: precision, isTraining: isTraining, frozen: frozen,
      sharesMemory: options.sharesMemory)
    layout.placeTensors()
    self.graph = graph
    self.table = table
    self.precision = precision
    self.isTraining = isTraining
    (steps, conversions, prediction, activationByteCount) = layout.finish()
    preparedByteCount = layout.preparedByteCount
    sequenceStateByteCount = layout.sequenceStateByteCount
  }
}
