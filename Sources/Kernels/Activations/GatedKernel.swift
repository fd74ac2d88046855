import Tensors

/// y = f(gate)·up for rows that hold the gate and then up.
package struct GatedKernel: UnaryKernel {
  package let activation: Activation
  package let rows: Int
  /// Of y; x has twice as many.
  package let columns: Int

  package init(_ activation: Activation, rows: Int, columns: Int) {
    self.activation = activation
    self.rows = rows
    self.columns = columns
  }

  /// - Parameters:
  ///   - x: (rows, 2·columns), float32 or bfloat16.
  ///   - y: (rows, columns), of the same type.
  package func forward(_ x: TensorSlice, into y: TensorSlice) {
    precondition(x.count == 2 * rows * columns && y.count == rows * columns && x.type == y.type)
    activation.run(Forward(kernel: self, x: x, y: y))
  }

  /// dx = (f'(gate)·up·dy, f(gate)·dy), or dx += it.
  package func backward(_ x: TensorSlice, y: TensorSlice, dy: TensorSlice, into dx: TensorSlice, accumulate: Bool) {
    precondition(x.count == 2 * rows * columns && dy.count == rows * columns && dx.count == x.count)
    precondition(x.type == dy.type && dx.type == x.type)
    activation.run(Backward(kernel: self, x: x, dy: dy, dx: dx, accumulate: accumulate))
  }

  private struct Forward: PointwisePass {
    let kernel: GatedKernel
    let x: TensorSlice
    let y: TensorSlice
    var type: ElementType { x.type }

    func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
      let columns = kernel.columns
      for row in 0..<kernel.rows {
        let gate = x.pointer(as: E.self) + 2 * row * columns
        let to = y.pointer(as: E.self) + row * columns
        @inline(__always) func write(_ i: Int, _ lanes: Int) {
          let up = E.load(gate + (columns + i), lanes: lanes)
          E.store(F.value(E.load(gate + i, lanes: lanes)) * up, to + i, lanes: lanes)
        }
        forEachVector(columns, write)
      }
    }
  }

  private struct Backward: PointwisePass {
    let kernel: GatedKernel
    let x: TensorSlice
    let dy: TensorSlice
    let dx: TensorSlice
    let accumulate: Bool
    var type: ElementType { x.type }

    func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
      let columns = kernel.columns
      for row in 0..<kernel.rows {
        let gate = x.pointer(as: E.self) + 2 * row * columns
        let slope = dy.pointer(as: E.self) + row * columns
        let to = dx.pointer(as: E.self) + 2 * row * columns
        @inline(__always) func write(_ i: Int, _ lanes: Int) {
          let g = E.load(gate + i, lanes: lanes)
          let d = E.load(slope + i, lanes: lanes)
          var dGate = F.gradient(d * E.load(gate + (columns + i), lanes: lanes), input: g)
          var dUp = F.value(g) * d
          if accumulate {
            dGate += E.load(to + i, lanes: lanes)
            dUp += E.load(to + (columns + i), lanes: lanes)
          }
          E.store(dGate, to + i, lanes: lanes)
          E.store(dUp, to + (columns + i), lanes: lanes)
        }
        forEachVector(columns, write)
      }
    }
  }
}
