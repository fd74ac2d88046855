import Formats
import Metrics

extension EvaluationRecord {
  private static let names = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "a truck with a long name",
  ]

  /// The evaluation of a classifier that confuses neighboring classes.
  package static func fake(
    of run: String, split: String = "test", classes: Int = 10, count: Int = 2000, accuracy: Double = 0.9,
    hasPictures: Bool = true
  ) -> EvaluationRecord {
    var random = FakeRun(name: run)
    var confusion = [Int](repeating: 0, count: classes * classes)
    for sample in 0..<count {
      let target = sample * 7 % classes
      let distance = random.uniform() < accuracy ? 0 : 1 + Int(random.uniform() * random.uniform() * 8)
      confusion[target * classes + (target + distance) % classes] += 1
    }
    let correct = (0..<classes).reduce(0) { $0 + confusion[$1 * classes + $1] }
    return EvaluationRecord(
      run: run, step: 2000, split: split, isEMA: false, loss: 0.3125, count: count, correct: correct,
      topCorrect: count - 3, classes: classes == names.count ? names : (0..<classes).map { "class \($0)" },
      confusion: confusion,
      mistakes: (0..<24).map { rank in
        Mistake(
          sample: 1000 + 7 * rank, target: rank % classes, predicted: (rank + 1) % classes, probability: 0.9375,
          targetProbability: 0.001953125 * Float(rank), loss: 6.5 - 0.125 * Float(rank),
          picture: hasPictures ? picture(rank) : [])
      })
  }

  private static func picture(_ number: Int) -> [UInt8] {
    var image = Image(width: 32, height: 32, channels: 3, filledWith: 60)
    for row in 0..<32 {
      for column in 0..<32 where (row - 16) * (row - 16) + (column - 16) * (column - 16) < 30 + 8 * number {
        image[row, column, number % 3] = UInt8(120 + 4 * row)
      }
    }
    return (try? image.png()) ?? []
  }
}
