import Kernels

/// The oneDNN primitives of one lane; equal requests of all its programs share one.
package final class PrimitiveStore {
  private let stream: OneDNNStream
  private var matmuls: [MatmulShape: Matmul] = [:]
  private var convolutions: [ConvolutionShape: Convolution] = [:]

  /// Must be made on the thread that will run the primitives.
  package init() { stream = OneDNNStream() }

  func matmul(_ shape: MatmulShape) -> Matmul {
    if let known = matmuls[shape] { return known }
    let made = Matmul(shape, on: stream)
    matmuls[shape] = made
    return made
  }

  func convolution(_ shape: ConvolutionShape) -> Convolution {
    if let known = convolutions[shape] { return known }
    let made = Convolution(shape, on: stream)
    convolutions[shape] = made
    return made
  }
}
