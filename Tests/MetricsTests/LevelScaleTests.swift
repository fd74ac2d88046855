import Metrics
import Testing

@Suite struct LevelScaleTests {
  @Test func staysWithinItsLevels() {
    let scale = LevelScale(from: 1, to: 3, levels: 5)
    #expect([1, 1.5, 2, 3, 0, 9].map(scale.level) == [0, 1, 2, 4, 0, 4])
    #expect([.nan, .infinity, -.infinity].map(scale.level) == [0, 0, 0])
  }

  @Test func oneValueIsTheFirstLevel() {
    for (low, high) in [(2.0, 2.0), (3, 2), (.nan, 1), (0, .infinity)] {
      #expect(LevelScale(from: low, to: high, levels: 8).level(of: 2) == 0)
    }
  }
}
