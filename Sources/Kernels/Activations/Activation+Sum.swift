import Tensors

extension Activation {
  /// y = f(a + b), all of one type; `y` may be either of them.
  package func apply(toSumOf a: TensorSlice, _ b: TensorSlice, into y: TensorSlice) {
    precondition(a.count == y.count && b.count == y.count && a.type == y.type && b.type == y.type)
    run(SumPass(a: a, b: b, y: y))
  }
}

private struct SumPass: PointwisePass {
  let a: TensorSlice
  let b: TensorSlice
  let y: TensorSlice
  var type: ElementType { y.type }

  func run<F: PointwiseFunction, E: VectorElement>(_ function: F.Type, _ type: E.Type) {
    let (first, second) = (a.pointer(as: E.self), b.pointer(as: E.self))
    let to = y.pointer(as: E.self)
    @inline(__always) func write(_ i: Int, _ lanes: Int) {
      E.store(F.value(E.load(first + i, lanes: lanes) + E.load(second + i, lanes: lanes)), to + i, lanes: lanes)
    }
    forEachVector(y.count, write)
  }
}
