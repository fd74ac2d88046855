import Kernels
import Tensors
import Testing

/// Images made larger: by hand for one line of pixels, and against plain loops in both directions.
@Suite struct UpsamplingTests {
  private func enlarged(
    _ line: [Float], factor: Int, _ mode: UpsamplingKernel.Mode
  ) -> [Float] {
    let kernel = UpsamplingKernel(batch: 1, height: 1, width: line.count, channels: 1, factor: factor, mode: mode)
    let (x, y) = (TestTensor(line), TestTensor(zeros: factor * factor * line.count))
    kernel.forward(x.slice, into: y.slice)
    let rows = y.values
    let width = factor * line.count
    for row in 1..<factor { #expect(Array(rows[row * width..<(row + 1) * width]) == Array(rows[..<width])) }
    return Array(rows[..<width])
  }

  @Test func drawsALine() {
    #expect(enlarged([1, 5], factor: 2, .nearest) == [1, 1, 5, 5])
    // PyTorch: interpolate(…, scale_factor=2, mode="bilinear", align_corners=False).
    #expect(enlarged([1, 5], factor: 2, .bilinear) == [1, 2, 4, 5])
    expectClose(enlarged([0, 3], factor: 3, .bilinear), [0, 0, 1, 2, 3, 3], relative: 1e-6, absolute: 1e-6)
  }

  /// The weight of input pixel `input` in output pixel `output` of one direction.
  private func weight(_ output: Int, _ input: Int, size: Int, factor: Int, _ mode: UpsamplingKernel.Mode) -> Double {
    if mode == .nearest { return output / factor == input ? 1 : 0 }
    let place = min(max((Double(output) + 0.5) / Double(factor) - 0.5, 0), Double(size - 1))
    return max(0, 1 - abs(place - Double(input)))
  }

  @Test(arguments: UpsamplingKernel.Mode.allCases, bothTypes)
  func isASumOfPixelsAndBackItsTranspose(_ mode: UpsamplingKernel.Mode, _ type: ElementType) {
    for (height, width, channels, factor) in [(3, 4, 5, 2), (1, 2, 17, 3), (4, 1, 32, 2), (2, 3, 16, 1)] {
      let (large, wide) = (height * factor, width * factor)
      let kernel = UpsamplingKernel(
        batch: 2, height: height, width: width, channels: channels, factor: factor, mode: mode)
      let x = TestTensor(random: 2 * height * width * channels, type, stream: 1)
      let dy = TestTensor(random: 2 * large * wide * channels, type, stream: 2)
      let (y, dx) = (TestTensor(zeros: dy.slice.count, type), TestTensor(zeros: x.slice.count, type))
      kernel.forward(x.slice, into: y.slice)
      kernel.backward(x.slice, y: y.slice, dy: dy.slice, into: dx.slice, accumulate: false)
      var (expected, gradient) = (
        [Double](repeating: 0, count: y.slice.count), [Double](repeating: 0, count: x.slice.count)
      )
      let (values, slopes) = (x.doubles, dy.doubles)
      for i in expected.indices {
        let (pixel, channel) = (i / channels, i % channels)
        let (image, row, column) = (pixel / (large * wide), pixel / wide % large, pixel % wide)
        for j in 0..<height * width {
          let share =
            weight(row, j / width, size: height, factor: factor, mode)
            * weight(column, j % width, size: width, factor: factor, mode)
          let from = (image * height * width + j) * channels + channel
          expected[i] += share * values[from]
          gradient[from] += share * slopes[i]
        }
      }
      expectClose(y.values, expected, relative: type.tolerance, absolute: type.tolerance)
      expectClose(dx.values, gradient, relative: type.tolerance, absolute: type.tolerance)
      kernel.backward(x.slice, y: y.slice, dy: dy.slice, into: dx.slice, accumulate: true)
      expectClose(dx.values, gradient.map { 2 * $0 }, relative: 2 * type.tolerance, absolute: 4 * type.tolerance)
    }
  }
}
