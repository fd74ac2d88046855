import Kernels
import Tensors
import Testing

/// One geometry, in all three directions.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  let shape: ConvolutionShape
  let testDescription: String

  /// - Parameters:
  ///   - image: batch, height, width, channels.
  ///   - kernel: height, width.
  ///   - padding: before and after, the same for both axes.
  init(
    _ image: (Int, Int, Int, Int), filters: Int, kernel: (Int, Int), stride: (Int, Int) = (1, 1),
    dilation: (Int, Int) = (1, 1), padding: (Int, Int) = (0, 0), groups: Int = 1,
    algorithm: ConvolutionAlgorithm? = nil
  ) {
    var shape = ConvolutionShape(
      batch: image.0,
      vertical: WindowAxis(
        size: image.1, kernel: kernel.0, stride: stride.0, dilation: dilation.0, paddingBefore: padding.0,
        paddingAfter: padding.1),
      horizontal: WindowAxis(
        size: image.2, kernel: kernel.1, stride: stride.1, dilation: dilation.1, paddingBefore: padding.0,
        paddingAfter: padding.1),
      channels: image.3, filters: filters, groups: groups, inputs: .float32, output: .float32)
    shape.chosenAlgorithm = algorithm
    self.shape = shape
    testDescription =
      "\(image) to \(filters) by \(kernel), stride \(stride), dilation \(dilation), padding \(padding)"
      + ", \(groups) groups" + (algorithm.map { ", \($0)" } ?? "")
  }

  static let all = general + winograd

  private static let general = [
    ConvolutionCase((2, 6, 5, 16), filters: 16, kernel: (3, 3), padding: (1, 1)),
    ConvolutionCase((3, 8, 8, 3), filters: 16, kernel: (3, 3), padding: (1, 1)),
    ConvolutionCase((2, 7, 9, 32), filters: 33, kernel: (3, 3), stride: (2, 2), padding: (1, 1)),
    ConvolutionCase((1, 5, 6, 7), filters: 5, kernel: (2, 4), stride: (3, 1), padding: (2, 1)),
    ConvolutionCase((2, 9, 8, 4), filters: 17, kernel: (3, 3), dilation: (2, 2), padding: (2, 2)),
    ConvolutionCase((2, 9, 8, 16), filters: 32, kernel: (3, 2), stride: (2, 1), dilation: (1, 3), padding: (1, 2)),
    ConvolutionCase((2, 5, 5, 12), filters: 8, kernel: (3, 3), padding: (1, 1), groups: 4),
    ConvolutionCase((2, 5, 5, 32), filters: 32, kernel: (3, 3), padding: (1, 1), groups: 2),
    ConvolutionCase((2, 6, 6, 32), filters: 32, kernel: (3, 3), padding: (1, 1), groups: 32),
    ConvolutionCase((2, 6, 6, 19), filters: 19, kernel: (3, 3), stride: (2, 2), padding: (1, 1), groups: 19),
    ConvolutionCase((2, 5, 5, 6), filters: 12, kernel: (3, 3), padding: (0, 1), groups: 6),
    ConvolutionCase((2, 4, 4, 64), filters: 48, kernel: (1, 1)),
    ConvolutionCase((2, 5, 4, 33), filters: 21, kernel: (1, 1), stride: (2, 2)),
    ConvolutionCase((1, 1, 1, 1), filters: 1, kernel: (1, 1)),
    ConvolutionCase((2, 2, 3, 5), filters: 9, kernel: (5, 5), padding: (4, 4)),
    ConvolutionCase((1, 16, 15, 1), filters: 6, kernel: (5, 7), padding: (2, 3)),
    ConvolutionCase((4, 5, 5, 3), filters: 64, kernel: (5, 5)),
  ]

  /// Whole and cut tiles, one and several blocks of them, panels of two and of one sixteen of the channels.
  private static let winograd = [
    winograd((2, 8, 8, 16), filters: 16, padding: (1, 1)),
    winograd((2, 6, 5, 48), filters: 32, padding: (1, 1)),
    winograd((1, 9, 7, 32), filters: 80, padding: (0, 0)),
    winograd((2, 5, 3, 16), filters: 16, padding: (2, 2)),
    winograd((2, 4, 5, 16), filters: 48, padding: (0, 1)),
    winograd((2, 4, 5, 16), filters: 16, padding: (2, 0)),
    winograd((3, 3, 3, 32), filters: 16, padding: (0, 0)),
    winograd((1, 1, 1, 16), filters: 16, padding: (1, 1)),
    winograd((20, 8, 8, 16), filters: 48, padding: (1, 1)),
    winograd((11, 7, 8, 48), filters: 16, padding: (1, 1)),
  ]

  private static func winograd(
    _ image: (Int, Int, Int, Int), filters: Int, padding: (Int, Int)
  ) -> ConvolutionCase {
    ConvolutionCase(image, filters: filters, kernel: (3, 3), padding: padding, algorithm: .winograd)
  }
}

/// y, dx and dW in float64, straight from the definition.
struct NaiveConvolution {
  let shape: ConvolutionShape

  /// Calls `visit` with the numbers of every element of x, W and y that meet in one product.
  func forEachProduct(_ visit: (_ x: Int, _ w: Int, _ y: Int) -> Void) {
    let (v, h) = (shape.vertical, shape.horizontal)
    let (inside, outside) = (shape.channels / shape.groups, shape.filters / shape.groups)
    for b in 0..<shape.batch {
      for i in 0..<v.outputSize {
        for j in 0..<h.outputSize {
          for o in 0..<shape.filters {
            let y = ((b * v.outputSize + i) * h.outputSize + j) * shape.filters + o
            for c in 0..<inside {
              for r in 0..<v.kernel {
                for s in 0..<h.kernel {
                  let row = i * v.stride + r * v.dilation - v.paddingBefore
                  let column = j * h.stride + s * h.dilation - h.paddingBefore
                  guard (0..<v.size).contains(row), (0..<h.size).contains(column) else { continue }
                  let channel = o / outside * inside + c
                  visit(
                    ((b * v.size + row) * h.size + column) * shape.channels + channel,
                    ((o * inside + c) * v.kernel + r) * h.kernel + s, y)
                }
              }
            }
          }
        }
      }
    }
  }
}

@Suite struct ConvolutionTests {
  private static let types: [ElementType] = OneDNN.supportsBFloat16 ? [.float32, .bfloat16] : [.float32]

  private func packed(_ shape: ConvolutionShape) -> TestTensor {
    // NaN, so that unwritten padding would show.
    TestTensor([Float](repeating: .nan, count: (shape.demand.packedByteCount + 3) / 4))
  }

  private func typed(_ test: ConvolutionCase, _ type: ElementType) -> ConvolutionShape {
    let s = test.shape
    var shape = ConvolutionShape(
      batch: s.batch, vertical: s.vertical, horizontal: s.horizontal, channels: s.channels, filters: s.filters,
      groups: s.groups, inputs: type, output: type)
    shape.chosenAlgorithm = s.chosenAlgorithm
    return shape
  }

  /// Absolute rounding of a sum of `terms` products of standard normal numbers.
  private func rounding(_ terms: Int, _ type: ElementType) -> Double {
    Double(terms).squareRoot() * (type == .bfloat16 ? 0.01 : 1e-5)
  }

  @Test(arguments: ConvolutionCase.all, types) func forward(_ test: ConvolutionCase, _ type: ElementType) {
    let base = typed(test, type)
    let x = TestTensor(random: base.inputCount, type, stream: 1)
    let weights = TestTensor(random: base.weightCount, stream: 2)
    let bias = TestTensor(random: base.filters, stream: 3)
    var sums = [Double](repeating: 0, count: base.outputCount)
    let (inputs, factors, shifts) = (x.doubles, weights.doubles, bias.doubles)
    NaiveConvolution(shape: base).forEachProduct { sums[$2] += inputs[$0] * factors[$1] }
    for form in 0..<8 where form & 4 == 0 || type == .bfloat16 {
      var shape = base
      shape.hasBias = form & 1 != 0
      shape.activation = form & 2 != 0 ? .relu : .identity
      if form & 4 != 0 { shape.output = .float32 }
      let convolution = Convolution(shape, on: OneDNNStream())
      let packed = packed(shape)
      convolution.pack(weights.slice, into: packed.slice)
      let y = TestTensor(random: base.outputCount, shape.output, stream: 4)
      convolution.forward(x.slice, packed: packed.slice, bias: shape.hasBias ? bias.slice : nil, into: y.slice)
      let expected = sums.enumerated().map { index, sum in
        let value = sum + (shape.hasBias ? shifts[index % shape.filters] : 0)
        return shape.activation == .relu ? max(value, 0) : value
      }
      expectClose(
        y.values, expected, relative: shape.output.tolerance, absolute: rounding(base.weightCount / base.filters, type),
        "form \(form)")
    }
  }

  @Test(arguments: ConvolutionCase.all, types) func inputGradient(_ test: ConvolutionCase, _ type: ElementType) {
    let shape = typed(test, type).gradient(.inputGradient)
    let dy = TestTensor(random: shape.outputCount, type, stream: 1)
    let weights = TestTensor(random: shape.weightCount, stream: 2)
    let dx = TestTensor(random: shape.inputCount, type, stream: 3)
    let convolution = Convolution(shape, on: OneDNNStream())
    let packed = packed(shape)
    convolution.pack(weights.slice, into: packed.slice)
    convolution.inputGradient(dy.slice, packed: packed.slice, into: dx.slice)
    var expected = [Double](repeating: 0, count: shape.inputCount)
    let (gradients, factors) = (dy.doubles, weights.doubles)
    NaiveConvolution(shape: shape).forEachProduct { expected[$0] += gradients[$2] * factors[$1] }
    let terms = shape.weightCount / shape.channels * shape.groups
    expectClose(dx.values, expected, relative: type.tolerance, absolute: rounding(terms, type))
  }

  @Test(arguments: ConvolutionCase.all, types) func weightGradient(_ test: ConvolutionCase, _ type: ElementType) {
    for accumulates in [false, true] {
      let shape = typed(test, type).gradient(.weightGradient, accumulates: accumulates)
      let x = TestTensor(random: shape.inputCount, type, stream: 1)
      let dy = TestTensor(random: shape.outputCount, type, stream: 2)
      let dW = TestTensor(random: shape.weightCount, stream: 3)
      var expected = accumulates ? dW.doubles : [Double](repeating: 0, count: shape.weightCount)
      Convolution(shape, on: OneDNNStream()).weightGradient(
        x.slice, dy.slice, through: packed(shape).slice, into: dW.slice)
      let (inputs, gradients) = (x.doubles, dy.doubles)
      NaiveConvolution(shape: shape).forEachProduct { expected[$1] += inputs[$0] * gradients[$2] }
      // Products of bfloat16 numbers are exact in float32, and so is the sum but for float32's rounding.
      expectClose(
        dW.values, expected, relative: ElementType.float32.tolerance,
        absolute: rounding(shape.outputCount / shape.filters, .float32), "accumulates: \(accumulates)")
    }
  }

  @Test func arithmeticIsCountedWithItsPadding() {
    let shape = ConvolutionCase((2, 8, 8, 6), filters: 4, kernel: (3, 3), padding: (1, 1), groups: 2).shape
    #expect(shape.flops == 2 * (2 * 8 * 8 * 4) * (3 * 9))
    #expect(shape.gradient(.weightGradient).flops == shape.flops && shape.gradient(.inputGradient).flops == shape.flops)
  }

  @Test func aWindowThatDoesNotFitHasNoPositions() {
    #expect(WindowAxis(size: 4, kernel: 3, stride: 1, dilation: 2, paddingBefore: 0, paddingAfter: 0).outputSize == 0)
    #expect(WindowAxis(size: 4, kernel: 3, stride: 1, dilation: 2, paddingBefore: 0, paddingAfter: 1).outputSize == 1)
    #expect(WindowAxis(size: 7, kernel: 3, stride: 2, paddingBefore: 1, paddingAfter: 1).outputSize == 4)
  }

  /// As lanes do, all at the same time.
  @Test func primitivesMayBeMadeOnSeveralThreads() async {
    let cases = ConvolutionCase.all
    await withTaskGroup { group in
      for turn in 0..<8 {
        group.addTask {
          for index in cases.indices {
            let test = cases[(index + 3 * turn) % cases.count]
            forward(test, Self.types[(index + turn) % Self.types.count])
          }
        }
      }
    }
  }

  /// One convolution on several tensors: the first call has no effect on the second.
  @Test func runsAgainOnOtherTensors() {
    let shape = ConvolutionCase((1, 3, 3, 1), filters: 1, kernel: (1, 1)).shape
    let convolution = Convolution(shape, on: OneDNNStream())
    for scale: Float in [1, 2, 3] {
      let (packed, y) = (packed(shape), TestTensor(zeros: 9))
      convolution.pack(TestTensor([scale]).slice, into: packed.slice)
      convolution.forward(
        TestTensor((1...9).map(Float.init)).slice, packed: packed.slice, bias: nil, into: y.slice)
      #expect(y.values == (1...9).map { scale * Float($0) })
    }
  }
}
