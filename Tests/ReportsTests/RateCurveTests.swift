import FoundationEssentials
import Glibc
import RecordFixtures
import Reports
import TestSupport
import Testing

@Suite struct RateCurveTests {
  /// Rates from 1e-6 to 1, and the losses that `loss` gives.
  private func points(_ loss: (Double) -> Double) -> [RateCurve.Point] {
    (0..<200).map { step in
      let rate = pow(10, -6 + 6 * Double(step) / 199)
      return RateCurve.Point(rate: rate, loss: loss(log10(rate)))
    }
  }

  @Test func steepestDescentIsFound() throws {
    // A fall around 10⁻³ and a rise from 10⁻¹ on.
    let curve = RateCurve(
      points { x in 2.3 - 2 / (1 + exp(-4 * (x + 3))) + (x > -1 ? 40 * (x + 1) * (x + 1) : 0) }, ending: .complete)
    let suggested = try #require(curve.suggested)
    #expect(abs(log10(suggested) + 3) < 0.15)
    let lowest = try #require(curve.lowest)
    #expect(log10(curve.points[lowest].rate) > -2 && log10(curve.points[lowest].rate) < -0.8)
  }

  @Test func noiseDoesNotMoveTheAnswerFar() throws {
    var run = FakeRun(name: "noise")
    let curve = RateCurve(
      points { x in 2.3 - 2 / (1 + exp(-4 * (x + 3))) + 0.05 * run.noise() }, ending: .complete)
    #expect(abs(log10(try #require(curve.suggested)) + 3) < 0.4)
  }

  @Test func aLossThatNeverFallsSuggestsNothing() {
    #expect(RateCurve(points { _ in 2.3 }, ending: .complete).suggested == nil)
    #expect(RateCurve(points { 3 + $0 / 6 }, ending: .complete).suggested == nil)
    #expect(RateCurve([], ending: .complete).suggested == nil)
    #expect(RateCurve([.init(rate: 1, loss: 1)], ending: .complete).lowest == 0)
  }

  @Test func divergenceIsNoticed() {
    var watch = DivergenceWatch()
    var end: Int?
    for step in 0..<100 where watch.diverges(after: step < 50 ? 1 : pow(1.5, Double(step - 50))) {
      end = step
      break
    }
    #expect((52...62).contains(end ?? 0))
    var still = DivergenceWatch()
    for step in 0..<1000 {
      let isOver = still.diverges(after: 1 + 0.5 * sin(Double(step)))
      #expect(!isOver)
    }
    var broken = DivergenceWatch()
    let isBroken = broken.diverges(after: .nan)
    #expect(isBroken)
  }

  @Test func pageIsWhole() throws {
    let folder = try TemporaryFolder()
    let curve = RateCurve(points { 2 - 1 / (1 + exp(-4 * ($0 + 3))) }, ending: .diverged(rate: 1))
    try Report.write(curve, of: "</script><b>", to: folder.file("rates.html"))
    let text = try folder.text("rates.html")
    #expect(text.contains("</html>") && !text.contains("{{") && !text.contains("</script><b>"))
    #expect(text.contains("Loss against learning rate"))
  }
}
