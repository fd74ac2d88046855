import Tensors

/// The sums of gradients over micro-batches; all float32.
package enum GradientKernel {
  /// a += b.
  package static func merge(_ b: TensorSlice, into a: TensorSlice) {
    precondition(a.count == b.count && a.type == .float32 && b.type == .float32)
    map(a.count, a.pointer(as: Float.self), b.pointer(as: Float.self), into: a.pointer(as: Float.self), +)
  }

  /// a = (a + b)·scale, with the statistics of the result.
  package static func finish(_ a: TensorSlice, adding b: TensorSlice?, scale: Float) -> TensorStatistics {
    precondition(a.type == .float32)
    let to = a.pointer(as: Float.self)
    guard let b else {
      @inline(__always) func scaled(_ i: Int, _ lanes: Int) -> Vector {
        let value = Float.load(to + i, lanes: lanes) * scale
        Float.store(value, to + i, lanes: lanes)
        return value
      }
      return Statistics.measure(to, a.count, scaled)
    }
    precondition(b.count == a.count && b.type == .float32)
    let from = b.pointer(as: Float.self)
    @inline(__always) func merged(_ i: Int, _ lanes: Int) -> Vector {
      let value = (Float.load(to + i, lanes: lanes) + Float.load(from + i, lanes: lanes)) * scale
      Float.store(value, to + i, lanes: lanes)
      return value
    }
    return Statistics.measure(to, a.count, merged)
  }
}
