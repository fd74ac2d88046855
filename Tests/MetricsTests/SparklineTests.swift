import Metrics
import Testing

@Suite struct SparklineTests {
  @Test func blocksBetweenTheSmallestAndTheLargest() {
    #expect(Sparkline.text([0, 7, 3, 4], width: 10) == "▁█▄▅")
    #expect(Sparkline.text([0, 0, 7, 7], width: 2) == "▁█")
    #expect(Sparkline.text([2, 2], width: 5, from: 0) == "██")
    #expect(Sparkline.text([0, 9, 70], width: 5, to: 9) == "▁██")
  }

  @Test func whatIsNotFiniteIsLeftOut() {
    #expect(Sparkline.text([.nan, 1, .infinity, 2], width: 4) == "▁█")
    for values in [[], [Double.nan]] { #expect(Sparkline.text(values, width: 4) == "–") }
    #expect(Sparkline.text([1, 2], width: 0) == "–")
  }
}

@Suite struct DurationTextTests {
  @Test(arguments: [
    (0.4, "0s"), (59.4, "59s"), (185, "3m05s"), (7_620, "2h07m"), (273_600, "3d04h"), (.infinity, "…"), (.nan, "…"),
  ])
  func isShort(seconds: Double, text: String) { #expect(DurationText.short(seconds) == text) }
}
