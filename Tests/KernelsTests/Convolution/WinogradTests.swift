import Foundation
import Kernels
import Tensors
import Testing

/// The accuracy and the choice of the Winograd algorithm; `ConvolutionTests` compare its results with the definition.
@Suite(.serialized) struct WinogradTests {
  /// A 3×3 convolution of square images that keeps their size.
  private func shape(
    _ batch: Int, _ size: Int, _ channels: Int, _ filters: Int, _ type: ElementType = .float32, stride: Int = 1
  ) -> ConvolutionShape {
    let axis = WindowAxis(size: size, kernel: 3, stride: stride, paddingBefore: 1, paddingAfter: 1)
    return ConvolutionShape(
      batch: batch, vertical: axis, horizontal: axis, channels: channels, filters: filters, inputs: type, output: type)
  }

  private func largestError(_ values: [Float], _ expected: [Double]) -> Double {
    let meanSquare = expected.reduce(0) { $0 + $1 * $1 } / Double(expected.count)
    return zip(values, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / meanSquare.squareRoot()
  }

  /// As in a network with ReLU and weights after He et al. 2015: largest errors, relative to the root mean square.
  @Test(arguments: [(1, 16, 16), (1, 12, 64), (1, 4, 256)])
  func roundingErrorIsSmall(batch: Int, size: Int, channels: Int) {
    for direction in [ConvolutionShape.Direction.forward, .inputGradient, .weightGradient] {
      var shape = shape(batch, size, channels, channels)
      if direction != .forward { shape = shape.gradient(direction) }
      shape.chosenAlgorithm = .winograd
      let x = TestTensor(TestTensor(random: shape.inputCount, stream: 1).values.map { max($0, 0) })
      let dy = TestTensor(random: shape.outputCount, stream: 2)
      let weights = TestTensor(random: shape.weightCount, stream: 3, scale: (2 / Float(9 * channels)).squareRoot())
      let packed = TestTensor(zeros: shape.demand.packedByteCount / 4)
      let convolution = Convolution(shape, on: OneDNNStream())
      let (inputs, factors, gradients) = (x.doubles, weights.doubles, dy.doubles)
      let result: TestTensor
      var expected: [Double]
      switch direction {
      case .forward:
        result = TestTensor(zeros: shape.outputCount)
        convolution.pack(weights.slice, into: packed.slice)
        convolution.forward(x.slice, packed: packed.slice, bias: nil, into: result.slice)
        expected = [Double](repeating: 0, count: shape.outputCount)
        NaiveConvolution(shape: shape).forEachProduct { expected[$2] += inputs[$0] * factors[$1] }
      case .inputGradient:
        result = TestTensor(zeros: shape.inputCount)
        convolution.pack(weights.slice, into: packed.slice)
        convolution.inputGradient(dy.slice, packed: packed.slice, into: result.slice)
        expected = [Double](repeating: 0, count: shape.inputCount)
        NaiveConvolution(shape: shape).forEachProduct { expected[$0] += gradients[$2] * factors[$1] }
      case .weightGradient:
        result = TestTensor(zeros: shape.weightCount)
        convolution.weightGradient(x.slice, dy.slice, through: packed.slice, into: result.slice)
        expected = [Double](repeating: 0, count: shape.weightCount)
        NaiveConvolution(shape: shape).forEachProduct { expected[$1] += inputs[$0] * gradients[$2] }
      }
      #expect(largestError(result.values, expected) < 1.2e-5, "\(direction) with \(channels) channels")
    }
  }

  /// Products also run on rows after the last tile, which hold values of an earlier convolution.
  @Test func earlierConvolutionsLeaveNoTrace() {
    var small = shape(1, 4, 16, 16)
    var large = shape(3, 12, 32, 32)
    (small.chosenAlgorithm, large.chosenAlgorithm) = (.winograd, .winograd)
    func run(_ shape: ConvolutionShape, on stream: OneDNNStream, _ x: TestTensor) -> [UInt32] {
      let weights = TestTensor(random: shape.weightCount, stream: 2)
      let packed = TestTensor(zeros: shape.demand.packedByteCount / 4)
      let (y, dW) = (TestTensor(zeros: shape.outputCount), TestTensor(zeros: shape.weightCount))
      let forward = Convolution(shape, on: stream)
      let gradient = Convolution(shape.gradient(.weightGradient), on: stream)
      forward.pack(weights.slice, into: packed.slice)
      forward.forward(x.slice, packed: packed.slice, bias: nil, into: y.slice)
      gradient.weightGradient(x.slice, y.slice, through: packed.slice, into: dW.slice)
      return (y.values + dW.values).map(\.bitPattern)
    }
    let x = TestTensor(random: small.inputCount, stream: 1)
    let used = OneDNNStream()
    _ = run(large, on: used, TestTensor([Float](repeating: .nan, count: large.inputCount)))
    let bits = run(small, on: used, x)
    #expect(bits == run(small, on: OneDNNStream(), x))
    #expect(!bits.contains { Float(bitPattern: $0).isNaN })
  }

  @Test func nanPassesThroughReLU() {
    var shape = shape(1, 4, 16, 16)
    shape.chosenAlgorithm = .winograd
    shape.activation = .relu
    var values = [Float](repeating: 1, count: shape.inputCount)
    values[5] = .nan
    let packed = TestTensor(zeros: shape.demand.packedByteCount / 4)
    let y = TestTensor(zeros: shape.outputCount)
    let convolution = Convolution(shape, on: OneDNNStream())
    convolution.pack(TestTensor(random: shape.weightCount, stream: 1).slice, into: packed.slice)
    convolution.forward(TestTensor(values).slice, packed: packed.slice, bias: nil, into: y.slice)
    #expect(y.values[0].isNaN)
  }

  @Test func onlySuitableShapesAllowIt() {
    #expect(shape(2, 8, 16, 32).allowsWinograd)
    #expect(!shape(2, 8, 16, 24).allowsWinograd && !shape(2, 8, 3, 16).allowsWinograd)
    #expect(!shape(2, 8, 16, 16, stride: 2).allowsWinograd)
    #expect(!ConvolutionCase((2, 8, 8, 32), filters: 32, kernel: (3, 3), groups: 2).shape.allowsWinograd)
    #expect(!ConvolutionCase((2, 8, 8, 32), filters: 32, kernel: (3, 3), dilation: (2, 2)).shape.allowsWinograd)
    #expect(!ConvolutionCase((2, 8, 8, 32), filters: 32, kernel: (3, 1)).shape.allowsWinograd)
    #expect(!ConvolutionCase((2, 8, 8, 32), filters: 32, kernel: (5, 5)).shape.allowsWinograd)
    #expect(!ConvolutionCase((2, 8, 8, 32), filters: 32, kernel: (3, 3), padding: (3, 3)).shape.allowsWinograd)
  }

  @Test func isChosenWhereItIsFaster() {
    #expect(shape(2, 8, 3, 16).algorithm == .direct)
    // One pixel costs as much as a whole tile.
    #expect(shape(1, 1, 64, 64).algorithm == .direct)
    #expect(shape(64, 32, 16, 16, .bfloat16).algorithm == .direct)
    let wide = shape(32, 8, 256, 256)
    #expect(wide.algorithm == wide.gradient(.inputGradient).algorithm)
    #expect(wide.algorithm == wide.gradient(.weightGradient).algorithm)
  }

  static let measuresSpeed = ProcessInfo.processInfo.environment["TROUPE_CONVOLUTION_BENCHMARK"] != nil

  /// `TROUPE_CONVOLUTION_BENCHMARK=1 swift test -c release --disable-testable-imports --filter WinogradTests/speed`
  /// prints milliseconds of both algorithms on one thread, the layers of ResNets for CIFAR, and marks the one that is
  /// chosen.
  @Test(.enabled(if: WinogradTests.measuresSpeed)) func speed() {
    let layers = [(64, 32, 16), (64, 16, 32), (64, 8, 64), (32, 32, 64), (32, 16, 128), (32, 8, 256), (32, 4, 512)]
    for type in [ElementType.float32, .bfloat16] where type == .float32 || OneDNN.supportsBFloat16 {
      for (batch, size, channels) in layers {
        var line = "\(type.rawValue), \(batch)×\(size)×\(size)×\(channels):"
        for direction in [ConvolutionShape.Direction.forward, .inputGradient, .weightGradient] {
          var shape = shape(batch, size, channels, channels, type)
          if direction != .forward { shape = shape.gradient(direction) }
          let chosen = shape.algorithm
          line += "  \(direction)"
          for algorithm in [ConvolutionAlgorithm.direct, .winograd] {
            shape.chosenAlgorithm = algorithm
            line += String(format: " %.2f", milliseconds(shape)) + (algorithm == chosen ? "*" : "")
          }
        }
        print(line)
      }
    }
  }

  /// The least time of many runs, in time of this thread alone.
  private func milliseconds(_ shape: ConvolutionShape) -> Double {
    let x = TestTensor(random: shape.inputCount, shape.inputs, stream: 1)
    let y = TestTensor(random: shape.outputCount, shape.inputs, stream: 2)
    let weights = TestTensor(random: shape.weightCount, stream: 3)
    let packed = TestTensor(zeros: (shape.demand.packedByteCount + 3) / 4)
    let convolution = Convolution(shape, on: OneDNNStream())
    if shape.direction != .weightGradient { convolution.pack(weights.slice, into: packed.slice) }
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
    }
    var least = Double.infinity
    for _ in 0..<30 {
      let start = now()
      switch shape.direction {
      case .forward: convolution.forward(x.slice, packed: packed.slice, bias: nil, into: y.slice)
      case .inputGradient: convolution.inputGradient(y.slice, packed: packed.slice, into: x.slice)
      case .weightGradient: convolution.weightGradient(x.slice, y.slice, through: packed.slice, into: weights.slice)
      }
      least = min(least, now() - start)
    }
    return least
  }
}
