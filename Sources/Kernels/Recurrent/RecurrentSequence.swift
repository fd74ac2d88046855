import CPlatform
import Tensors

/// The cells of recurrent layers.
package enum RecurrentCellKind: String, Sendable, Hashable {
  case lstm, gru
  case tanh, relu

  /// Sums of a unit.
  package var gates: Int {
    switch self {
    case .lstm: 4
    case .gru: 3
    case .tanh, .relu: 1
    }
  }

  /// Whether a float32 state passes from step to step beside the history: c of an LSTM, h of a GRU.
  package var hasState: Bool { self == .lstm || self == .gru }
  /// Whether the products with W_ih and with W_hh have different gradients.
  package var separatesGradients: Bool { self == .gru }
}

/// A tensor with a row of units for each step and sample, at any strides.
package struct StepView: Sendable {
  package let slice: TensorSlice
  /// Elements before the first row, from a step to the next, from a sample to the next.
  package let offset: Int
  package let timeStride: Int
  package let rowStride: Int

  package init(_ slice: TensorSlice, offset: Int, timeStride: Int, rowStride: Int) {
    self.slice = slice
    self.offset = offset
    self.timeStride = timeStride
    self.rowStride = rowStride
  }
}

/// One direction of one recurrent layer over T steps of B rows with H units of G gates; the formulas are at the cells.
///
/// Everything lies time-major. Tensors that have a row before the first step as well ("T + 1 blocks") are read in the
/// order of time: where the layer runs from the end to the start, the block before the first step is the last.
package struct RecurrentSequence: Sendable, Hashable {
  package let cell: RecurrentCellKind
  package let batch: Int
  package let steps: Int
  package let units: Int
  package let isReversed: Bool

  package init(cell: RecurrentCellKind, batch: Int, steps: Int, units: Int, isReversed: Bool) {
    (self.cell, self.batch, self.steps, self.units, self.isReversed) = (cell, batch, steps, units, isReversed)
  }

  /// Bytes of a panel, the working memory of both passes.
  package static let panelByteCount = 4 * RecurrentProduct.rowCount * 64

  package func weights(isBackward: Bool) -> RecurrentWeights {
    RecurrentWeights(gates: cell.gates, units: units, isBackward: isBackward)
  }

  /// The rows of all steps in a tensor of T + 1 blocks: before each step, or after it.
  package func rows(before: Bool) -> Range<Int> {
    let first = before == isReversed ? batch * units : 0
    return first..<first + steps * batch * units
  }

  /// The block of a tensor of T + 1 blocks before the first step, or after the last.
  package func block(first: Bool) -> Range<Int> {
    let start = first == isReversed ? steps * batch * units : 0
    return start..<start + batch * units
  }

  /// The tensors that the forward pass writes and both passes read.
  package struct Tensors {
    /// float32 (T, B, G·H): x·W_ihᵀ with the biases before the forward pass, the gates after it.
    package var gates: TensorSlice
    /// (T + 1 blocks, B, H): h as products read it.
    package var history: TensorSlice
    /// float32 (T + 1 blocks, B, H), where the cell has a state; may be `history`.
    package var state: TensorSlice?
    /// float32 (T, B, H): the product h·W_hnᵀ + b_hn of a GRU.
    package var kept: TensorSlice?
    /// float32 [`panelByteCount` bytes].
    package var panel: TensorSlice

    package init(
      gates: TensorSlice, history: TensorSlice, state: TensorSlice?, kept: TensorSlice?, panel: TensorSlice
    ) {
      (self.gates, self.history, self.state, self.kept, self.panel) = (gates, history, state, kept, panel)
    }
  }

  /// Runs through time.
  ///
  /// - Parameters:
  ///   - packed: W_hh, as `weights(isBackward: false)` packs it in the history's type.
  ///   - bias: b_hn of a GRU, float32 [H].
  ///   - output: a second copy of h, of the history's type.
  package func forward(_ tensors: Tensors, packed: TensorSlice, bias: TensorSlice?, output: StepView?) {
    check(tensors)
    precondition(output == nil || output?.slice.type == tensors.history.type)
    switch cell {
    case .lstm: forward(tensors, packed, bias, output, LSTMCell.self)
    case .gru: forward(tensors, packed, bias, output, GRUCell.self)
    case .tanh: forward(tensors, packed, bias, output, ElmanCell<Tanh>.self)
    case .relu: forward(tensors, packed, bias, output, ElmanCell<ReLU>.self)
    }
  }

  /// Runs backward through time.
  ///
  /// - Parameters:
  ///   - packed: W_hh, as `weights(isBackward: true)` packs it in the history's type.
  ///   - dy: the gradient of h from above, of the history's type.
  ///   - input: (T, B, G·H) of that type: the gradient of x·W_ihᵀ.
  ///   - recurrent: likewise of h·W_hhᵀ; the same memory where the cell does not separate them.
  ///   - carry: float32 (B, H), working memory for the gradient of the state.
  package func backward(
    _ tensors: Tensors, packed: TensorSlice, dy: StepView, input: TensorSlice, recurrent: TensorSlice,
    carry: TensorSlice
  ) {
    check(tensors)
    precondition(dy.slice.type == tensors.history.type && input.type == dy.slice.type && recurrent.type == input.type)
    precondition(input.count == tensors.gates.count && recurrent.count == input.count)
    precondition(carry.count == batch * units && carry.type == .float32)
    let gradients = Gradients(dy: dy, input: input, recurrent: recurrent, carry: carry)
    switch cell {
    case .lstm: backward(tensors, packed, gradients, LSTMCell.self)
    case .gru: backward(tensors, packed, gradients, GRUCell.self)
    case .tanh: backward(tensors, packed, gradients, ElmanCell<Tanh>.self)
    case .relu: backward(tensors, packed, gradients, ElmanCell<ReLU>.self)
    }
  }

  private func check(_ tensors: Tensors) {
    let blocks = (steps + 1) * batch * units
    precondition(tensors.gates.count == steps * batch * cell.gates * units && tensors.gates.type == .float32)
    precondition(tensors.history.count == blocks && tensors.panel.byteCount >= Self.panelByteCount)
    precondition(!cell.hasState || tensors.state?.count == blocks && tensors.state?.type == .float32)
    precondition(!cell.separatesGradients || tensors.kept?.count == steps * batch * units)
  }

  struct Gradients {
    let dy: StepView
    let input: TensorSlice
    let recurrent: TensorSlice
    let carry: TensorSlice
  }
}
