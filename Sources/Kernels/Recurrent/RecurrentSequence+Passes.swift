import CPlatform
import Tensors

// The loops over time, over blocks of units and over rows. The product of a block is written to a panel, which the cell
// reads while it is in the L1 cache; meanwhile the memory of the cell is prefetched.
extension RecurrentSequence {
  func forward<Cell: RecurrentCell>(
    _ tensors: Tensors, _ packed: TensorSlice, _ bias: TensorSlice?, _ output: StepView?, _ type: Cell.Type
  ) {
    if tensors.history.type == .bfloat16 { return forward(tensors, packed, bias, output, type, as: BFloat16.self) }
    forward(tensors, packed, bias, output, type, as: Float.self)
  }

  func backward<Cell: RecurrentCell>(
    _ tensors: Tensors, _ packed: TensorSlice, _ gradients: Gradients, _ type: Cell.Type
  ) {
    if tensors.history.type == .bfloat16 { return backward(tensors, packed, gradients, type, as: BFloat16.self) }
    backward(tensors, packed, gradients, type, as: Float.self)
  }

  private func forward<Cell: RecurrentCell, E: PackedElement>(
    _ tensors: Tensors, _ packed: TensorSlice, _ bias: TensorSlice?, _ output: StepView?, _ type: Cell.Type,
    as element: E.Type
  ) {
    let weights = weights(isBackward: false)
    let tiling = weights.tiling
    let (history, panel) = (tensors.history.pointer(as: E.self), tensors.panel.pointer(as: Float.self))
    let blockElements = weights.blockWords(element) &* E.perWord
    let cells = Cells<Cell>(self, tensors, bias)
    for step in 0..<steps {
      let time = isReversed ? steps &- 1 &- step : step
      let (before, after) = (isReversed ? time &+ 1 : time, isReversed ? time : time &+ 1)
      for block in 0..<weights.blocks {
        for first in stride(from: 0, to: batch, by: RecurrentProduct.rowCount) {
          let rows = min(RecurrentProduct.rowCount, batch &- first)
          cells.prefetch(time, rows: first..<first &+ rows, unit: block &* tiling.parts &* 16)
          RecurrentProduct.multiply(
            history + (before &* batch &+ first) &* units, stride: units, rows: rows, inner: units,
            packed.pointer(as: E.self) + block &* blockElements, tiling: tiling, into: panel)
          for part in 0..<tiling.parts {
            let unit = (block &* tiling.parts &+ part) &* 16
            if unit >= units { break }
            let lanes = min(16, units &- unit)
            for row in 0..<rows {
              let sums = panel + (part &* Cell.gates &* RecurrentProduct.rowCount &+ row) &* 16
              let h = Cell.forward(cells.place(sums, time, before, after, first &+ row, unit, lanes))
              E.store(h, history + ((after &* batch &+ first &+ row) &* units &+ unit), lanes: lanes)
              if let output { output.store(h, time, first &+ row, unit, lanes, as: element) }
            }
          }
        }
      }
    }
  }

  private func backward<Cell: RecurrentCell, E: PackedElement>(
    _ tensors: Tensors, _ packed: TensorSlice, _ gradients: Gradients, _ type: Cell.Type, as element: E.Type
  ) {
    let weights = weights(isBackward: true)
    let tiling = weights.tiling
    let panel = tensors.panel.pointer(as: Float.self)
    let (input, recurrent) = (gradients.input.pointer(as: E.self), gradients.recurrent.pointer(as: E.self))
    let carry = gradients.carry.pointer(as: Float.self)
    let blockElements = weights.blockWords(element) &* E.perWord
    let cells = Cells<Cell>(self, tensors, nil)
    let width = Cell.gates &* units
    gradients.carry.zero()
    // The last step receives no gradient from a later one.
    tensors.panel.zero()
    for step in 0..<steps {
      let time = isReversed ? step : steps &- 1 &- step
      let behind = isReversed ? time &- 1 : time &+ 1
      let (before, after) = (isReversed ? time &+ 1 : time, isReversed ? time : time &+ 1)
      for block in 0..<weights.blocks {
        for first in stride(from: 0, to: batch, by: RecurrentProduct.rowCount) {
          let rows = min(RecurrentProduct.rowCount, batch &- first)
          for part in 0..<tiling.parts {
            let unit = (block &* tiling.parts &+ part) &* 16
            if unit >= units { break }
            cells.prefetch(time, rows: first..<first &+ rows, unit: unit)
            for row in first..<first &+ rows { gradients.dy.prefetch(time, row, unit, as: element) }
          }
          if step > 0 {
            RecurrentProduct.multiply(
              recurrent + (behind &* batch &+ first) &* width, stride: width, rows: rows, inner: width,
              packed.pointer(as: E.self) + block &* blockElements, tiling: tiling, into: panel)
          }
          for part in 0..<tiling.parts {
            let unit = (block &* tiling.parts &+ part) &* 16
            if unit >= units { break }
            let lanes = min(16, units &- unit)
            for row in 0..<rows {
              let sum = panel + (part &* RecurrentProduct.rowCount &+ row) &* 16
              let b = first &+ row
              let dh = Float.load(sum) + gradients.dy.load(time, b, unit, lanes, as: element)
              let place = (time &* batch &+ b) &* width &+ unit
              Cell.backward(
                dh, cells.place(sum, time, before, after, b, unit, lanes),
                CellGradients(input: input + place, recurrent: recurrent + place, carry: carry + (b &* units &+ unit)))
            }
          }
        }
      }
    }
  }
}

/// The tensors of a sequence, and the place of a cell in them; for tensors that a cell lacks, its gates stand in.
private struct Cells<Cell: RecurrentCell> {
  let batch: Int
  let units: Int
  let gates: UnsafeMutablePointer<Float>
  let state: UnsafeMutablePointer<Float>?
  let kept: UnsafeMutablePointer<Float>?
  let bias: UnsafeMutablePointer<Float>?

  init(_ sequence: RecurrentSequence, _ tensors: RecurrentSequence.Tensors, _ bias: TensorSlice?) {
    batch = sequence.batch
    units = sequence.units
    gates = tensors.gates.pointer(as: Float.self)
    state = tensors.state?.pointer(as: Float.self)
    kept = tensors.kept?.pointer(as: Float.self)
    self.bias = bias?.pointer(as: Float.self)
  }

  @inline(__always) func place(
    _ sums: UnsafePointer<Float>, _ time: Int, _ before: Int, _ after: Int, _ row: Int, _ unit: Int, _ lanes: Int
  ) -> CellPlace {
    let gates = gates + ((time &* batch &+ row) &* Cell.gates &* units &+ unit)
    let state = state ?? gates
    return CellPlace(
      sums: sums, gates: gates, units: units, before: state + ((before &* batch &+ row) &* units &+ unit),
      after: state + ((after &* batch &+ row) &* units &+ unit),
      kept: (kept ?? gates) + ((time &* batch &+ row) &* units &+ unit), bias: (bias ?? gates) + unit, lanes: lanes)
  }

  @inline(__always) func prefetch(_ time: Int, rows: Range<Int>, unit: Int) {
    for row in rows {
      let from = gates + ((time &* batch &+ row) &* Cell.gates &* units &+ unit)
      for gate in 0..<Cell.gates { troupe_prefetch(from + gate &* units) }
    }
  }
}

extension StepView {
  @inline(__always) private func address<E>(_ time: Int, _ row: Int, _ unit: Int, _: E.Type) -> UnsafeMutablePointer<E>
  {
    slice.pointer(as: E.self) + (offset &+ time &* timeStride &+ row &* rowStride &+ unit)
  }

  @inline(__always) func load<E: VectorElement>(
    _ time: Int, _ row: Int, _ unit: Int, _ lanes: Int, as type: E.Type
  ) -> Vector { E.load(address(time, row, unit, type), lanes: lanes) }

  @inline(__always) func store<E: VectorElement>(
    _ value: Vector, _ time: Int, _ row: Int, _ unit: Int, _ lanes: Int, as type: E.Type
  ) { E.store(value, address(time, row, unit, type), lanes: lanes) }

  @inline(__always) func prefetch<E>(_ time: Int, _ row: Int, _ unit: Int, as type: E.Type) {
    troupe_prefetch(address(time, row, unit, type))
  }
}
