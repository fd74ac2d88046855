import FoundationEssentials
import Glibc
import Metrics
import Testing

@Suite struct GradientFlowTests {
  /// Weights of different sizes whose gradient rms is `rms(layer)`, with a bias beside each that must not matter.
  private func judge(_ layers: Int, steps: Int = 11, rms: (Int) -> Double) -> GradientFlow {
    let tensors = (0..<layers).flatMap { layer in
      [
        TensorDescription(name: "w\(layer)", elementCount: 100 * (1 + layer % 3), depth: layer, isWeight: true),
        TensorDescription(name: "b\(layer)", elementCount: 10, depth: layer, isWeight: false),
      ]
    }
    let norms = (0..<steps).map { step in
      NormsRecord(
        step: step,
        tensors: tensors.map { tensor in
          let wobble = step % 2 == 0 ? 1.0 : step % 4 == 1 ? 0.5 : 2
          let value = tensor.isWeight ? rms(tensor.depth) * Double(tensor.elementCount).squareRoot() * wobble : 1e9
          return TensorNorms(gradientL2: Float(value))
        })
    }
    return GradientFlow.judge(
      tensors: tensors.reversed(),
      norms: norms.map {
        NormsRecord(step: $0.step, tensors: $0.tensors.reversed())
      })
  }

  @Test func quarterALayerVanishes() {
    let flow = judge(20) { pow(0.25, Double(19 - $0)) }
    #expect(flow.verdict == .vanishing)
    #expect(abs(flow.slope - log10(4)) < 1e-4)
    #expect(abs(flow.change - 18 * log10(4)) < log10(4) * 1.01)
    #expect(flow.depths == Array(0..<20))
    #expect(flow.sentence.contains("a factor of 4 per layer"))
    #expect(flow.advice.contains("model.activation relu") && flow.advice.contains("model.residual true"))
  }

  @Test func growthTowardsTheInputExplodes() {
    let flow = judge(20) { pow(3, Double(19 - $0)) }
    #expect(flow.verdict == .exploding)
    #expect(flow.slope < 0)
    #expect(flow.advice.contains("clipping") && flow.advice.contains("optimizer.learning_rate"))
  }

  @Test func flatIsHealthyAndOneOddLayerDoesNotDecide() {
    #expect(judge(50) { _ in 1e-4 }.verdict == .healthy)
    #expect(judge(50) { $0 == 0 ? 1e-9 : 1e-4 }.verdict == .healthy)
    #expect(judge(10) { $0 == 0 ? 1e-8 : 1e-4 }.verdict == .healthy)
    #expect(judge(10) { $0 == 9 ? 1e-8 : 1e-4 }.verdict == .healthy)
  }

  @Test func thresholdIsAFactorOfThousand() {
    #expect(judge(4) { pow(10, Double($0) * 1.01) }.verdict == .vanishing)
    #expect(judge(4) { pow(10, Double($0) * 0.99) }.verdict == .healthy)
  }

  @Test func zerosCountAsTheEndOfFloat32() {
    let flow = judge(50) { $0 < 20 ? 0 : pow(0.1, Double(49 - $0)) }
    #expect(flow.verdict == .vanishing)
    #expect(flow.medians.first == -45)
    let silent = judge(5) { _ in 0 }
    #expect(silent.verdict == .vanishing)
    #expect(silent.sentence.contains("zero in all 5"))
  }

  @Test(arguments: 0...3) func fewLayersAreNotJudged(count: Int) {
    let flow = judge(count) { pow(10, Double(5 * $0)) }
    #expect(flow.verdict == .tooShallow)
    #expect(flow.depths.count == count)
    #expect(flow.advice.isEmpty)
  }

  @Test func notFiniteExplodesAndNamesTheLayer() {
    let flow = judge(6) { $0 == 3 ? .nan : 1 }
    #expect(flow.verdict == .exploding)
    #expect(flow.sentence.contains("w3"))
    #expect(flow.medians.allSatisfy { $0.isFinite })
    let infinite = judge(6) { $0 == 0 ? .infinity : 1 }
    #expect(infinite.verdict == .exploding)
  }

  @Test func nothingLoggedIsSaid() {
    let flow = judge(10, steps: 0) { _ in 1 }
    #expect(flow.verdict == .tooShallow)
    #expect(flow.sentence.contains("No norms"))
    #expect(flow.medians.isEmpty)
  }
}
