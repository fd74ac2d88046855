import Configuration
import Kernels
import Tensors

/// Layers of recurrent cells, one over the outputs of the other, in one or two directions.
///
/// Inside, everything lies time-major, so that a step's rows are contiguous. Each direction of a layer runs one product
/// x·W_ihᵀ for all steps, then the steps (`RecurrentSequence`); backwards the steps first, then one product each for
/// dW_ih, dW_hh and dx. Gradients end at the border of the piece: the state that a piece starts from counts as
/// constant.
package struct RecurrentStack: Sendable {
  let cell: RecurrentCellKind
  let settings: RecurrentSettings
  let inputShape: TensorShape
  let outputShape: TensorShape

  var batch: Int { inputShape[0] }
  var steps: Int { inputShape[1] }
  var rows: Int { batch * steps }
  var units: Int { settings.units }
  var directions: Int { settings.isBidirectional ? 2 : 1 }
  /// Numbers a layer puts out for a step.
  var width: Int { directions * units }

  /// - Parameter kind: the layer's, for errors.
  init(
    _ kind: String, _ cell: RecurrentCellKind, _ settings: RecurrentSettings, input: TensorShape
  ) throws(LayerError) {
    guard input.rank == 3 else {
      throw LayerError("\(kind) expects sequences (batch, steps, features), got the shape \(input)")
    }
    guard !(settings.isBidirectional && settings.carries) else {
      throw LayerError(
        "\(kind) cannot carry its state while it is bidirectional: what comes later is not known yet; "
          + "set \"carry\" or \"bidirectional\" to false")
    }
    let width = (settings.isBidirectional ? 2 : 1) * settings.units
    guard let shape = TensorShape(checking: [input[0], input[1], width]),
      TensorShape(checking: [input[0], input[1] + 1, cell.gates, settings.units]) != nil,
      TensorShape(checking: [cell.gates * settings.units, max(input[2], width)]) != nil
    else { throw LayerError("\(kind) cannot have \(settings.units) units on an input of \(input): too large") }
    self.cell = cell
    self.settings = settings
    inputShape = input
    outputShape = shape
  }

  /// One direction of one layer, as an index: layer by layer, in each first forwards.
  func sequence(_ index: Int) -> RecurrentSequence {
    RecurrentSequence(
      cell: cell, batch: batch, steps: steps, units: units, isReversed: index % directions == 1)
  }

  var sequenceCount: Int { settings.layers * directions }
  func inputWidth(_ layer: Int) -> Int { layer == 0 ? inputShape[2] : width }

  // MARK: Parameters

  /// Numbers of a sequence's parameters.
  struct ParameterNumbers {
    let inputWeight, hiddenWeight, inputBias, hiddenBias: Int

    init(_ sequence: Int, hasBias: Bool) {
      inputWeight = sequence * (hasBias ? 4 : 2)
      hiddenWeight = inputWeight + 1
      inputBias = inputWeight + 2
      hiddenBias = inputWeight + 3
    }
  }

  func numbers(_ sequence: Int) -> ParameterNumbers { ParameterNumbers(sequence, hasBias: settings.hasBias) }

  var parameters: [ParameterDeclaration] {
    let bound = Initializer.uniform(bound: 1 / Double(units).squareRoot())
    let weights = settings.initializer ?? bound
    let out = cell.gates * units
    return (0..<sequenceCount).flatMap { index -> [ParameterDeclaration] in
      let layer = index / directions
      let suffix = "_l\(layer)" + (index % directions == 1 ? "_reverse" : "")
      let inputs = inputWidth(layer)
      let products = [
        ParameterDeclaration("weight_ih" + suffix, TensorShape([out, inputs]), weights, fanIn: inputs, fanOut: out),
        ParameterDeclaration(
          "weight_hh" + suffix, TensorShape([out, units]), weights, fanIn: units, fanOut: out, isPrepared: true),
      ]
      guard settings.hasBias else { return products }
      return products + ["bias_ih", "bias_hh"].map { ParameterDeclaration($0 + suffix, TensorShape([out]), bound) }
    }
  }

  var forwardFlops: Int {
    (0..<sequenceCount).reduce(0) { $0 + 2 * rows * cell.gates * units * (inputWidth($1 / directions) + units) }
  }

  // MARK: What the plan provides

  /// Numbers of a sequence's saved tensors; `joined`, behind those of all sequences, is a bidirectional layer's output.
  struct SavedNumbers {
    let gates, history, state, kept: Int
    let count: Int

    init(_ sequence: Int, _ cell: RecurrentCellKind) {
      count = 2 + (cell.hasState ? 1 : 0) + (cell.separatesGradients ? 1 : 0)
      gates = sequence * count
      history = gates + 1
      state = gates + 2
      kept = gates + 3
    }
  }

  var saved: [TensorShape] {
    let blocks = rows + batch
    let history =
      cell == .gru
      // In float32 the state is the history.
      ? TensorShape([(blocks * units + 1) / 2]) : TensorShape([blocks, units])
    var sequence = [TensorShape([rows, cell.gates * units]), history]
    if cell.hasState { sequence.append(TensorShape([blocks, units])) }
    if cell.separatesGradients { sequence.append(TensorShape([rows, units])) }
    let joined = directions == 1 ? 0 : settings.layers - 1
    return (0..<sequenceCount).flatMap { _ in sequence }
      + [TensorShape](repeating: TensorShape([rows, width]), count: joined)
  }

  func joinedNumber(_ layer: Int) -> Int { SavedNumbers(sequenceCount, cell).gates + layer }

  func sequenceState(_ placement: LayerPlacement) -> [SequenceStateDeclaration] {
    guard directions == 1, settings.carries || !placement.isTraining else { return [] }
    let shape = TensorShape([batch, settings.layers, units])
    let names = cell == .lstm ? ["hidden", "cell"] : ["hidden"]
    return names.map { SequenceStateDeclaration($0, shape) }
  }

  /// Numbers of a sequence's prepared tensors: W_hh for h·W_hhᵀ, the biases, and W_hh for the backward pass.
  struct PreparedNumbers {
    let weights, bias, backwardWeights: Int

    init(_ sequence: Int, isTraining: Bool) {
      weights = sequence * (isTraining ? 3 : 2)
      bias = weights + 1
      backwardWeights = weights + 2
    }
  }

  func prepared(_ placement: LayerPlacement) -> [Int] {
    (0..<sequenceCount).flatMap { index -> [Int] in
      let forward = [sequence(index).weights(isBackward: false).byteCount(placement.inputs), 4 * cell.gates * units]
      return placement.isTraining
        ? forward + [sequence(index).weights(isBackward: true).byteCount(placement.inputs)] : forward
    }
  }

  /// Numbers of a sequence's products.
  struct ProductNumbers {
    let forward, inputWeightGradient, hiddenWeightGradient, inputGradient: Int

    init(_ sequence: Int, isTraining: Bool) {
      forward = sequence * (isTraining ? 4 : 1)
      inputWeightGradient = forward + 1
      hiddenWeightGradient = forward + 2
      inputGradient = forward + 3
    }
  }

  func matmuls(_ placement: LayerPlacement) -> [MatmulShape] {
    let out = cell.gates * units
    return (0..<sequenceCount).flatMap { index -> [MatmulShape] in
      let inputs = inputWidth(index / directions)
      let numbers = numbers(index)
      var forward = MatmulShape(
        rows: rows, columns: out, inner: inputs, transposesB: true, inputs: placement.inputs, output: .float32)
      forward.hasBias = settings.hasBias
      guard placement.isTraining else { return [forward] }
      func weightGradient(_ columns: Int, _ number: Int) -> MatmulShape {
        var shape = MatmulShape(
          rows: out, columns: columns, inner: rows, transposesA: true, inputs: placement.inputs, output: .float32)
        shape.accumulates = placement.accumulatesParameterGradient[number]
        return shape
      }
      var inputGradient = MatmulShape(
        rows: rows, columns: inputs, inner: out, inputs: placement.inputs, output: placement.inputs)
      inputGradient.accumulates = index % directions == 1
      return [
        forward, weightGradient(inputs, numbers.inputWeight), weightGradient(units, numbers.hiddenWeight),
        inputGradient,
      ]
    }
  }

  /// Settings and shapes for the tests.
  static func examples(of kind: String) -> [LayerExample] {
    [
      LayerExample(#"{"type": "\#(kind)", "units": 5}"#, inputs: [[3, 4, 6]], output: [3, 4, 5]),
      LayerExample(#"{"type": "\#(kind)", "units": 19, "bias": false}"#, inputs: [[2, 7, 3]], output: [2, 7, 19]),
      LayerExample(#"{"type": "\#(kind)", "units": 33, "carry": true}"#, inputs: [[9, 1, 17]], output: [9, 1, 33]),
      LayerExample(#"{"type": "\#(kind)", "units": 7, "layers": 2}"#, inputs: [[5, 3, 4]], output: [5, 3, 7]),
      LayerExample(
        #"{"type": "\#(kind)", "units": 4, "layers": 2, "bidirectional": true}"#, inputs: [[2, 5, 3]],
        output: [2, 5, 8]),
      LayerExample(#"{"type": "\#(kind)", "units": 16}"#, inputs: [[34, 2, 2]], output: [34, 2, 16]),
    ]
  }
}
