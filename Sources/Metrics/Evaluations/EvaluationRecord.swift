/// What one look at a split found out about a classifier: `evaluation-<split>.json` in the run folder.
package struct EvaluationRecord: Sendable, Equatable {
  /// A sample that was taken for another class than its own.
  package struct Mistake: Sendable, Equatable {
    /// The sample's number in the data.
    package var sample: Int
    package var target: Int
    package var predicted: Int
    /// What the model gave the predicted class, 0...1.
    package var probability: Float
    /// What it gave the right one.
    package var targetProbability: Float
    /// −ln of the right class's probability; finite also where that rounds to 0.
    package var loss: Float
    /// The sample as a PNG file; empty where samples are no pictures.
    package var picture: [UInt8]

    package init(
      sample: Int, target: Int, predicted: Int, probability: Float, targetProbability: Float, loss: Float,
      picture: [UInt8] = []
    ) {
      self.sample = sample
      self.target = target
      self.predicted = predicted
      self.probability = probability
      self.targetProbability = targetProbability
      self.loss = loss
      self.picture = picture
    }
  }

  /// One class: a row and a column of the confusion matrix.
  package struct ClassScore: Sendable, Equatable {
    /// Samples of the class, samples taken for it, and both at once.
    package let count: Int
    package let predicted: Int
    package let correct: Int
    /// The class that its samples are most often mistaken for, and how many are; the first of several.
    package let mostMistakenFor: (label: Int, count: Int)?

    /// Share of the class's samples that were recognised (its recall); nil for a class without samples.
    package var accuracy: Double? { count == 0 ? nil : Double(correct) / Double(count) }
    /// Share that is right of what was taken for the class; nil where nothing was.
    package var precision: Double? { predicted == 0 ? nil : Double(correct) / Double(predicted) }

    package static func == (a: ClassScore, b: ClassScore) -> Bool {
      a.count == b.count && a.predicted == b.predicted && a.correct == b.correct
        && a.mostMistakenFor?.label == b.mostMistakenFor?.label && a.mostMistakenFor?.count == b.mostMistakenFor?.count
    }
  }

  /// More classes than this have no confusion matrix.
  package static let mostClasses = 1000
  /// With fewer classes, nearly everything is among the first five.
  package static let topCount = 5

  package var run: String
  package var step: Int
  package var split: String
  /// Whether the averaged (EMA) parameters were evaluated.
  package var isEMA: Bool
  /// Views of every picture whose mean was judged; 1 for samples as they are.
  package var views: Int
  /// Mean training loss over the split; of several views, the mean of −ln of what their mean gives the right class.
  package var loss: Float
  /// Samples that were judged.
  package var count: Int
  package var correct: Int
  /// Samples whose class was among the likeliest five; nil for five classes or fewer.
  package var topCorrect: Int?
  /// The classes' names by label.
  package var classes: [String]
  /// Samples of class t that were taken for class p, at t·classes + p; empty for more than `mostClasses`.
  package var confusion: [Int]
  /// The mistakes of the highest loss, the worst first.
  package var mistakes: [Mistake]

  package init(
    run: String, step: Int, split: String, isEMA: Bool, views: Int = 1, loss: Float, count: Int, correct: Int,
    topCorrect: Int?, classes: [String], confusion: [Int], mistakes: [Mistake]
  ) {
    precondition(confusion.isEmpty || confusion.count == classes.count * classes.count)
    self.run = run
    self.step = step
    self.split = split
    self.isEMA = isEMA
    self.views = views
    self.loss = loss
    self.count = count
    self.correct = correct
    self.topCorrect = topCorrect
    self.classes = classes
    self.confusion = confusion
    self.mistakes = mistakes
  }

  package var accuracy: Double { count == 0 ? 0 : Double(correct) / Double(count) }
  package var topAccuracy: Double? { topCorrect.map { count == 0 ? 0 : Double($0) / Double(count) } }

  /// By label; empty where there is no confusion matrix.
  package var classScores: [ClassScore] {
    guard !confusion.isEmpty else { return [] }
    let size = classes.count
    return (0..<size).map { label in
      let row = confusion[label * size..<(label + 1) * size]
      var worst: (label: Int, count: Int)?
      for (other, count) in row.enumerated() where other != label && count > worst?.count ?? 0 {
        worst = (other, count)
      }
      return ClassScore(
        count: row.reduce(0, +), predicted: (0..<size).reduce(0) { $0 + confusion[$1 * size + label] },
        correct: confusion[label * size + label], mostMistakenFor: worst)
    }
  }
}
