import Kernels
import Tensors

extension Frame {
  /// One factor for each of `count` groups of elements that are dropped together, at the start of the scratch: 0, or
  /// 1/(1 − p). The same numbers forwards and backwards.
  func dropoutFactors(_ kernel: DropoutKernel, count: Int) -> TensorSlice {
    let factors = scratch.reinterpreted(as: .float32, count: count)
    Elementwise.fill(factors, with: 1)
    kernel.forward(factors, into: factors, stream: random(.dropout))
    return factors
  }
}
