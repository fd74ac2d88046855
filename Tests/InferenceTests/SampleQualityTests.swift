import Foundation
import Inference
import Testing

/// Distances between sets of images, compared with numpy on the same features.
struct SampleQualityTests {
  /// sin(a·n^1.5 + b) + 0.3·cos(b·i + j) of feature j of row i, n = i·width + j.
  private func table(_ count: Int, _ width: Int, _ a: Double, _ b: Double, isDegenerate: Bool = false) -> FeatureTable {
    var values = (0..<count * width).map { n in
      Float(sin(a * pow(Double(n), 1.5) + b) + 0.3 * cos(b * Double(n / width) + Double(n % width)))
    }
    if isDegenerate {
      // One feature is always 0, another twice a third.
      for row in 0..<count { (values[row * width + 3], values[row * width + 5]) = (0, 2 * values[row * width + 4]) }
    }
    return FeatureTable(width: width, values: values)
  }

  private func shifted(_ table: FeatureTable, by offset: Float, scale: Float = 1) -> FeatureTable {
    FeatureTable(width: table.width, values: table.values.map { $0 * scale + offset })
  }

  struct Golden {
    let counts: (Int, Int)
    let width: Int
    let isDegenerate: Bool
    let distance: Double
    let precision: Double
    let recall: Double
  }

  static let goldens = [
    Golden(
      counts: (40, 50), width: 6, isDegenerate: false, distance: 1.2498939336725856, precision: 0.82, recall: 0.85),
    Golden(
      counts: (90, 70), width: 17, isDegenerate: true, distance: 2.0166999354843753, precision: 69.0 / 70,
      recall: 86.0 / 90),
    // Fewer images than features: covariances of reduced rank.
    Golden(
      counts: (12, 15), width: 24, isDegenerate: false, distance: 13.685399514962658, precision: 0.8, recall: 2.0 / 3),
  ]

  @Test(arguments: goldens.indices) func agreesWithNumpy(number: Int) {
    let golden = Self.goldens[number]
    let real = table(golden.counts.0, golden.width, 0.11, 0.7, isDegenerate: golden.isDegenerate)
    let drawn = shifted(
      table(golden.counts.1, golden.width, 0.13, 0.2, isDegenerate: golden.isDegenerate), by: 0.25)
    let distance = FrechetDistance.squared(real, drawn)
    #expect(abs(distance / golden.distance - 1) < 1e-5, "\(distance)")
    #expect(abs(FrechetDistance.squared(drawn, real) / distance - 1) < 1e-6)
    for lanes in [1, 3] {
      let found = PrecisionRecall(real: real, drawn: drawn, lanes: lanes)
      #expect(abs(found.precision - golden.precision) < 1e-9 && abs(found.recall - golden.recall) < 1e-9)
    }
  }

  @Test func narrowDrawingsArePreciseAndRecallLittle() {
    let (real, drawn) = (table(60, 5, 0.11, 0.7), shifted(table(80, 5, 0.13, 0.2), by: 0, scale: 0.4))
    let found = PrecisionRecall(real: real, drawn: drawn)
    #expect(found.precision == 1 && abs(found.recall - 1.0 / 30) < 1e-9)
    #expect(abs(FrechetDistance.squared(real, drawn) - 1.1599697130182718) < 1e-5)
  }

  @Test func aSetHasNoDistanceFromItself() {
    let real = table(70, 9, 0.11, 0.7)
    #expect(FrechetDistance.squared(real, real) < 1e-9)
    let far = shifted(real, by: 3)
    #expect(abs(FrechetDistance.squared(real, far) - 9 * 9) < 1e-4)
    let same = PrecisionRecall(real: real, drawn: real)
    #expect(same.precision == 1 && same.recall == 1)
    #expect(PrecisionRecall(real: real, drawn: shifted(real, by: 50)).precision == 0)
  }

  @Test func wordsNameClasses() {
    let match = WordMatch(["circle", "square", "red", "light red", "9"])
    #expect(match.label(in: "a circle") == 0 && match.label(in: "9") == 4 && match.label(in: "A Circle, please") == 0)
    #expect(match.label(in: "a light red thing") == 3 && match.label(in: "encircled") == nil)
    #expect(match.label(in: "a red circle") == nil && match.label(in: "") == nil)
  }
}
