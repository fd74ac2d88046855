import Configuration
import Kernels
import Tensors

/// y = the channels of all inputs, one input after the other: PyTorch's `cat` over channels.
///
/// Inputs are (…, C₁), (…, C₂), …, y (…, C₁ + C₂ + …). Each input receives its columns of dy. Keeps nothing.
package struct Concatenate: ConfigurableLayer {
  package static let kind = "concatenate"
  package static let traits = LayerTraits(takesAnyNumberOfInputs: true)

  package let inputShapes: [TensorShape]
  package let outputShape: TensorShape

  package init(settings: NoSettings, inputs: [TensorShape]) throws(LayerError) {
    guard let first = inputs.first, first.rank >= 2 else {
      throw LayerError(
        "\(Self.kind) expects batches of vectors or more, got \(inputs.map(\.description).joined(separator: ", "))")
    }
    for input in inputs where input.dimensions.dropLast() != first.dimensions.dropLast() {
      throw LayerError("\(Self.kind) joins tensors that differ in their channels alone, got \(first) and \(input)")
    }
    let channels = inputs.reduce(0) { $0 + $1.last }
    guard let shape = TensorShape(checking: first.dimensions.dropLast() + [channels]) else {
      throw LayerError("\(Self.kind) cannot have \(channels) channels on an input of \(first): too large")
    }
    inputShapes = inputs
    outputShape = shape
  }

  package var backwardReads: BackwardReads { [] }
  package var forwardFlops: Int { 0 }

  package func forward(_ frame: Frame) {
    var first = 0
    for (i, shape) in inputShapes.enumerated() {
      ColumnBlock.place(
        frame.input(i), columns: shape.last, in: frame.output, width: outputShape.last, at: first)
      first += shape.last
    }
  }

  package func backward(_ frame: Frame) {
    var first = 0
    for (i, shape) in inputShapes.enumerated() {
      if let dx = frame.inputGradient(i) {
        ColumnBlock.take(
          dx, columns: shape.last, from: frame.outputGradient, width: outputShape.last, at: first,
          accumulate: frame.accumulatesInputGradient(i))
      }
      first += shape.last
    }
  }

  package static let examples = [
    LayerExample(
      #"{"type": "concatenate"}"#, inputs: [[2, 3, 5, 19], [2, 3, 5, 16]], output: [2, 3, 5, 35]),
    LayerExample(#"{"type": "concatenate"}"#, inputs: [[3, 1], [3, 18], [3, 32]], output: [3, 51]),
    LayerExample(#"{"type": "concatenate"}"#, inputs: [[2, 7, 3]], output: [2, 7, 3]),
  ]
}
