import Kernels
import Tensors
import Testing

@Suite struct MatmulTests {
  private func check(_ shape: MatmulShape) {
    let a = TestTensor(random: shape.rows * shape.inner, shape.inputs, stream: 1)
    let b = TestTensor(random: shape.inner * shape.columns, shape.inputs, stream: 2)
    let bias = TestTensor(random: shape.columns, stream: 3)
    let c = TestTensor(random: shape.rows * shape.columns, shape.output, stream: 4)
    let (left, right, shift, before) = (a.doubles, b.doubles, bias.doubles, c.doubles)
    var expected: [Double] = []
    for row in 0..<shape.rows {
      for column in 0..<shape.columns {
        var sum = shape.hasBias ? shift[column] : 0
        for k in 0..<shape.inner {
          let x = left[shape.transposesA ? k * shape.rows + row : row * shape.inner + k]
          let y = right[shape.transposesB ? column * shape.inner + k : k * shape.columns + column]
          sum += x * y
        }
        if shape.accumulates { sum += before[row * shape.columns + column] }
        expected.append(shape.activation == .relu ? max(sum, 0) : sum)
      }
    }
    let product = Matmul(shape, on: OneDNNStream())
    product.execute(a.slice, b.slice, bias: shape.hasBias ? bias.slice : nil, into: c.slice)
    expectClose(
      c.values, expected, relative: shape.output.tolerance, absolute: 1e-5 * Double(shape.inner).squareRoot(),
      "\(shape)")
  }

  @Test(arguments: [(1, 1, 1), (15, 17, 16), (16, 33, 100), (33, 1, 15), (1, 100, 17), (64, 65, 66)])
  func everyFormMatchesTheNaiveProduct(rows: Int, columns: Int, inner: Int) {
    for (inputs, output) in [
      (ElementType.float32, ElementType.float32), (.bfloat16, .bfloat16), (.bfloat16, .float32),
    ] where inputs == .float32 || OneDNN.supportsBFloat16 {
      for form in 0..<32 {
        var shape = MatmulShape(
          rows: rows, columns: columns, inner: inner, transposesA: form & 1 != 0, transposesB: form & 2 != 0,
          inputs: inputs, output: output)
        shape.hasBias = form & 4 != 0
        shape.activation = form & 8 != 0 ? .relu : .identity
        shape.accumulates = form & 16 != 0
        check(shape)
      }
    }
  }

  @Test func aProductRunsAgainOnOtherTensors() {
    let shape = MatmulShape(rows: 2, columns: 2, inner: 2, inputs: .float32, output: .float32)
    let product = Matmul(shape, on: OneDNNStream())
    let identity = TestTensor([1, 0, 0, 1])
    for scale: Float in [1, 2, 3] {
      let c = TestTensor(zeros: 4)
      product.execute(TestTensor([scale, 2, 3, 4]).slice, identity.slice, into: c.slice)
      #expect(c.values == [scale, 2, 3, 4])
    }
    #expect(shape.flops == 16)
  }
}
