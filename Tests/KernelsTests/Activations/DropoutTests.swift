import Kernels
import Tensors
import Testing

@Suite struct DropoutTests {
  @Test func wideBlocksAreTheStreamsWords() {
    for (seed, step, layer) in [(0 as UInt64, 0, 0), (0xDEAD_BEEF_1234_5678, 77, 3), (.max, -1, 1 << 23)] {
      let stream = RandomStream(seed: seed, purpose: .dropout, step: step, stream: layer)
      for block in [0, 16, 4096, 0xFFFF_FFF0, 0x1_0000_0000, 0x1234_5678_9AB0] {
        let words = stream.words(sixteenBlocksFrom: block)
        for lane in 0..<16 {
          let expected = stream.words(block: block + lane)
          #expect(SIMD4(words.0[lane], words.1[lane], words.2[lane], words.3[lane]) == expected)
        }
      }
    }
  }

  @Test(arguments: oddSizes + [64, 129, 1000], bothTypes) func masksFollowTheStream(count: Int, type: ElementType) {
    let stream = RandomStream(seed: 5, purpose: .dropout, step: 3, stream: 9)
    for probability: Float in [0, 0.1, 0.5, 0.9] {
      for first in [0, 1, 63, 64, 1003] {
        let kernel = DropoutKernel(probability: probability)
        let x = TestTensor(random: count, type, stream: 1)
        let y = TestTensor(zeros: count, type)
        kernel.forward(x.slice, into: y.slice, stream: stream, firstElement: first)
        let factors = (0..<count).map { stream.uniform(first + $0) >= probability ? 1 / (1 - Double(probability)) : 0 }
        expectClose(y.values, zip(x.doubles, factors).map(*), relative: type.tolerance)
        let dx = TestTensor(random: count, type, stream: 2)
        let before = dx.doubles
        kernel.backward(x.slice, into: dx.slice, accumulate: true, stream: stream, firstElement: first)
        let sum = before.indices.map { before[$0] + x.doubles[$0] * factors[$0] }
        expectClose(dx.values, sum, relative: type.tolerance, absolute: 1e-6)
        kernel.backward(x.slice, into: dx.slice, accumulate: false, stream: stream, firstElement: first)
        #expect(dx.values == y.values)
      }
    }
  }

  @Test func keepsTheRightShareAndShowsNaN() {
    let stream = RandomStream(seed: 1, purpose: .dropout)
    let count = 100_000
    let x = TestTensor([Float](repeating: 1, count: count))
    DropoutKernel(probability: 0.3).forward(x.slice, into: x.slice, stream: stream)
    let kept = x.values.count { $0 != 0 }
    #expect(abs(Double(kept) / Double(count) - 0.7) < 0.005)
    let broken = TestTensor([Float](repeating: .nan, count: 100))
    DropoutKernel(probability: 0.5).forward(broken.slice, into: broken.slice, stream: stream)
    #expect(broken.values.allSatisfy { $0.isNaN })
  }
}
