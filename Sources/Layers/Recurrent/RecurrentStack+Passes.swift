import Kernels
import Tensors

extension RecurrentStack {
  /// Where the parts of the scratch begin, in bytes.
  struct Scratch {
    var byteCount = 0
    var panel = 0, sequence = 0, dropped = 0
    /// The backward pass's; gradients of the outputs of even and of odd layers.
    var gates = 0, recurrentGates = 0, carry = 0, even = 0, odd = 0, inputGradient = 0

    mutating func take(_ bytes: Int) -> Int {
      defer { byteCount += Arena.aligned(bytes) }
      return byteCount
    }
  }

  /// Whether samples and steps must be exchanged before time is outermost.
  private var isExchanged: Bool { batch > 1 && steps > 1 }
  private var drops: Bool { settings.dropout > 0 && settings.layers > 1 }

  func scratch(_ placement: LayerPlacement) -> Scratch { scratch(placement.inputs, isTraining: placement.isTraining) }

  private func scratch(_ type: ElementType, isTraining: Bool) -> Scratch {
    let size = type.byteCount
    var scratch = Scratch()
    scratch.panel = scratch.take(RecurrentSequence.panelByteCount)
    if isExchanged { scratch.sequence = scratch.take(inputShape.elementCount * size) }
    if drops { scratch.dropped = scratch.take(rows * width * size) }
    guard isTraining else { return scratch }
    scratch.gates = scratch.take(rows * cell.gates * units * size)
    scratch.recurrentGates = cell.separatesGradients ? scratch.take(rows * cell.gates * units * size) : scratch.gates
    scratch.carry = scratch.take(batch * units * 4)
    if settings.layers > 1 { scratch.even = scratch.take(rows * width * size) }
    if settings.layers > 2 { scratch.odd = scratch.take(rows * width * size) }
    scratch.inputGradient = scratch.take(inputShape.elementCount * size)
    return scratch
  }

  // MARK: Preparing

  func prepare(_ frame: Frame) {
    let isTraining = frame.runsBackward
    let type = frame.matmul(0).shape.inputs
    for index in 0..<sequenceCount {
      let (numbers, prepared) = (numbers(index), PreparedNumbers(index, isTraining: isTraining))
      let weights = frame.parameter(numbers.hiddenWeight)
      sequence(index).weights(isBackward: false).pack(weights, as: type, into: frame.prepared(prepared.weights))
      if isTraining {
        sequence(index).weights(isBackward: true).pack(
          weights, as: type, into: frame.prepared(prepared.backwardWeights))
      }
      let bias = frame.prepared(prepared.bias)
      guard settings.hasBias else {
        bias.zero()
        continue
      }
      // The bias of the finished recurrent product is added in the cell.
      let joined = (cell.separatesGradients ? cell.gates - 1 : cell.gates) * units
      let (first, second) = (frame.parameter(numbers.inputBias), frame.parameter(numbers.hiddenBias))
      Elementwise.add(first.slice(0..<joined), second.slice(0..<joined), into: bias.slice(0..<joined))
      bias.slice(joined..<bias.count).copy(from: first.slice(joined..<first.count))
    }
  }

  // MARK: Tensors of a pass

  private func tensors(_ frame: Frame, _ index: Int, _ scratch: Scratch) -> RecurrentSequence.Tensors {
    let numbers = SavedNumbers(index, cell)
    let blocks = (rows + batch) * units
    let state = cell.hasState ? frame.saved(numbers.state) : nil
    let type = frame.input().type
    let history =
      if cell == .gru, type == .float32, let state { state } else {
        frame.saved(numbers.history).reinterpreted(as: type, count: blocks)
      }
    return RecurrentSequence.Tensors(
      gates: frame.saved(numbers.gates), history: history, state: state,
      kept: cell.separatesGradients ? frame.saved(numbers.kept) : nil,
      panel: part(frame, scratch.panel, RecurrentSequence.panelByteCount / 4, .float32))
  }

  private func part(_ frame: Frame, _ offset: Int, _ count: Int, _ type: ElementType) -> TensorSlice {
    frame.scratch.bytes(from: offset).reinterpreted(as: type, count: count)
  }

  /// The input of a layer: time-major, and dropped out if it is another layer's output.
  private func input(_ frame: Frame, _ layer: Int, _ scratch: Scratch) -> TensorSlice {
    let type = frame.input().type
    if layer == 0 {
      guard isExchanged else { return frame.input() }
      let sequence = part(frame, scratch.sequence, inputShape.elementCount, type)
      AxisExchange.apply(frame.input(), first: batch, second: steps, columns: inputShape[2], into: sequence)
      return sequence
    }
    let below = (layer - 1) * directions
    let output =
      directions == 1
      ? tensors(frame, below, scratch).history.slice(sequence(below).rows(before: false))
      : joined(frame, layer - 1)
    guard drops, frame.isTraining else { return output }
    let dropped = part(frame, scratch.dropped, rows * width, type)
    dropout.forward(output, into: dropped, stream: frame.random(.dropout), firstElement: firstDropped(layer))
    return dropped
  }

  private var dropout: DropoutKernel { DropoutKernel(probability: Float(settings.dropout)) }
  private func firstDropped(_ layer: Int) -> Int { (layer - 1) * rows * width }

  private func joined(_ frame: Frame, _ layer: Int) -> TensorSlice {
    frame.saved(joinedNumber(layer)).reinterpreted(as: frame.input().type, count: rows * width)
  }

  /// A layer's part of a tensor of all samples' steps, or of one that lies time-major.
  private func view(_ slice: TensorSlice, _ index: Int, isTimeMajor: Bool) -> StepView {
    StepView(
      slice, offset: index % directions * units, timeStride: isTimeMajor ? batch * width : width,
      rowStride: isTimeMajor ? width : steps * width)
  }

  // MARK: Forward

  func forward(_ frame: Frame) {
    let isTraining = frame.runsBackward
    let scratch = scratch(frame.input().type, isTraining: isTraining)
    for layer in 0..<settings.layers {
      let input = input(frame, layer, scratch)
      for index in layer * directions..<(layer + 1) * directions {
        let (numbers, prepared) = (numbers(index), PreparedNumbers(index, isTraining: isTraining))
        let (sequence, tensors) = (sequence(index), tensors(frame, index, scratch))
        let bias = frame.prepared(prepared.bias)
        frame.matmul(ProductNumbers(index, isTraining: isTraining).forward).execute(
          input, frame.bf16Weights(numbers.inputWeight), bias: settings.hasBias ? bias : nil, into: tensors.gates)
        begin(frame, sequence, tensors, layer)
        var output: StepView?
        if layer == settings.layers - 1 {
          output = view(frame.output, index, isTimeMajor: false)
        } else if directions == 2 {
          output = view(joined(frame, layer), index, isTimeMajor: true)
        }
        sequence.forward(
          tensors, packed: frame.prepared(prepared.weights), bias: productBias(frame, numbers, bias), output: output)
        leave(frame, sequence, tensors, layer)
      }
    }
  }

  /// The bias that a GRU adds to the recurrent product of n.
  private func productBias(_ frame: Frame, _ numbers: ParameterNumbers, _ zeros: TensorSlice) -> TensorSlice? {
    guard cell.separatesGradients else { return nil }
    let last = (cell.gates - 1) * units..<cell.gates * units
    // Without biases those that were prepared are zero.
    return (settings.hasBias ? frame.parameter(numbers.hiddenBias) : zeros).slice(last)
  }

  /// Sets the state before the first step: zero, or the state after the piece before.
  private func begin(
    _ frame: Frame, _ sequence: RecurrentSequence, _ tensors: RecurrentSequence.Tensors, _ layer: Int
  ) {
    let first = sequence.block(first: true)
    let (history, state) = (tensors.history.slice(first), tensors.state?.slice(first))
    guard frame.position > 0, frame.sequenceStateCount > 0 else {
      history.zero()
      state?.zero()
      return
    }
    for row in 0..<batch {
      let place = (row * settings.layers + layer) * units
      let units = row * units..<(row + 1) * units
      let hidden = frame.sequenceState(0).slice(place..<place + units.count)
      Elementwise.convert(hidden, into: history.slice(units))
      state?.slice(units).copy(from: cell == .lstm ? frame.sequenceState(1).slice(place..<place + units.count) : hidden)
    }
  }

  /// Keeps the state after the last step for the next piece.
  private func leave(
    _ frame: Frame, _ sequence: RecurrentSequence, _ tensors: RecurrentSequence.Tensors, _ layer: Int
  ) {
    guard frame.sequenceStateCount > 0 else { return }
    let last = sequence.block(first: false)
    let (history, state) = (tensors.history.slice(last), tensors.state?.slice(last))
    for row in 0..<batch {
      let place = (row * settings.layers + layer) * units
      let units = row * units..<(row + 1) * units
      let hidden = cell == .gru ? state ?? history : history
      Elementwise.convert(hidden.slice(units), into: frame.sequenceState(0).slice(place..<place + units.count))
      if cell == .lstm, let state {
        frame.sequenceState(1).slice(place..<place + units.count).copy(from: state.slice(units))
      }
    }
  }

  // MARK: Backward

  func backward(_ frame: Frame) {
    let type = frame.input().type
    let scratch = scratch(type, isTraining: true)
    let gateCount = rows * cell.gates * units
    let gates = part(frame, scratch.gates, gateCount, type)
    let recurrentGates = part(frame, scratch.recurrentGates, gateCount, type)
    let carry = part(frame, scratch.carry, batch * units, .float32)
    for layer in (0..<settings.layers).reversed() {
      let isTop = layer == settings.layers - 1
      let dy = isTop ? frame.outputGradient : outputGradient(frame, layer, scratch)
      let input = input(frame, layer, scratch)
      let dx = inputGradient(frame, layer, scratch)
      for index in layer * directions..<(layer + 1) * directions {
        let (sequence, tensors) = (sequence(index), tensors(frame, index, scratch))
        sequence.backward(
          tensors, packed: frame.prepared(PreparedNumbers(index, isTraining: true).backwardWeights),
          dy: view(dy, index, isTimeMajor: !isTop), input: gates, recurrent: recurrentGates, carry: carry)
        let products = ProductNumbers(index, isTraining: true)
        let numbers = numbers(index)
        if let gradient = frame.parameterGradient(numbers.inputWeight) {
          frame.matmul(products.inputWeightGradient).execute(gates, input, into: gradient)
        }
        if let gradient = frame.parameterGradient(numbers.hiddenWeight) {
          frame.matmul(products.hiddenWeightGradient).execute(
            recurrentGates, tensors.history.slice(sequence.rows(before: true)), into: gradient)
        }
        if settings.hasBias {
          addBiasGradient(frame, numbers.inputBias, gates)
          addBiasGradient(frame, numbers.hiddenBias, recurrentGates)
        }
        if let dx {
          frame.matmul(products.inputGradient).execute(gates, frame.bf16Weights(numbers.inputWeight), into: dx)
        }
      }
      if let dx { handDown(frame, dx, layer) }
    }
  }

  /// The gradient of the output of a layer below another one.
  private func outputGradient(_ frame: Frame, _ layer: Int, _ scratch: Scratch) -> TensorSlice {
    part(frame, layer % 2 == 0 ? scratch.even : scratch.odd, rows * width, frame.input().type)
  }

  /// The time-major gradient of a layer's input; nil where it is not needed.
  private func inputGradient(_ frame: Frame, _ layer: Int, _ scratch: Scratch) -> TensorSlice? {
    let type = frame.input().type
    if layer > 0 { return outputGradient(frame, layer - 1, scratch) }
    guard let dx = frame.inputGradient() else { return nil }
    return isExchanged || frame.accumulatesInputGradient()
      ? part(frame, scratch.inputGradient, inputShape.elementCount, type) : dx
  }

  /// Through dropout to the layer below, or to the input's gradient.
  private func handDown(_ frame: Frame, _ dx: TensorSlice, _ layer: Int) {
    if layer > 0 {
      guard drops, frame.isTraining else { return }
      dropout.backward(
        dx, into: dx, accumulate: false, stream: frame.random(.dropout), firstElement: firstDropped(layer))
    } else if let target = frame.inputGradient() {
      let accumulates = frame.accumulatesInputGradient()
      if isExchanged {
        AxisExchange.apply(
          dx, first: steps, second: batch, columns: inputShape[2], into: target, accumulate: accumulates)
      } else {
        Elementwise.contribute(dx, to: target, first: !accumulates)
      }
    }
  }

  private func addBiasGradient(_ frame: Frame, _ number: Int, _ gates: TensorSlice) {
    guard let gradient = frame.parameterGradient(number) else { return }
    ColumnSums.add(
      gates, rows: rows, columns: cell.gates * units, into: gradient,
      accumulate: frame.accumulatesParameterGradient(number))
  }
}
