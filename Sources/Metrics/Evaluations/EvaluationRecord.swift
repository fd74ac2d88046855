/// One evaluation of a classifier on a split: `evaluation-<split>.json` in the run folder.
package struct EvaluationRecord: Sendable, Equatable {
  /// A misclassified sample.
  package struct Mistake: Sendable, Equatable {
    /// The sample's number in the data.
    package var sample = 0
    package var target = 0
    package var predicted = 0
    /// The probability of the predicted class, 0...1.
    package var probability: Float = 0
    /// The probability of the right class.
    package var targetProbability: Float = 0
    /// −ln of the right class's probability; finite also where that rounds to 0.
    package var loss: Float = 0
    /// The sample as a PNG file; empty unless samples are images.
    package var picture: [UInt8] = []

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
    /// Samples of the class, samples predicted to be of it, and samples that are both.
    package let count: Int
    package let predicted: Int
    package let correct: Int
    /// The class that its samples are most often mistaken for, and their number; the first of several.
    package let mostMistakenFor: (label: Int, count: Int)?

    /// Share of the class's samples that were recognized (its recall); nil for a class without samples.
    package var accuracy: Double? { count == 0 ? nil : Double(correct) / Double(count) }
    /// Share of right answers among the predictions of the class; nil without predictions.
    package var precision: Double? { predicted == 0 ? nil : Double(correct) / Double(predicted) }

    package static func == (a: ClassScore, b: ClassScore) -> Bool {
      a.count == b.count && a.predicted == b.predicted && a.correct == b.correct
        && a.mostMistakenFor?.label == b.mostMistakenFor?.label && a.mostMistakenFor?.count == b.mostMistakenFor?.count
    }
  }

  /// More classes than this have no confusion matrix.
  package static let mostClasses = 1000
  /// Accuracy among this many likeliest classes is reported for more classes than that.
  package static let topCount = 5

  package var run = ""
  package var step = 0
  package var split = ""
  /// Whether the averaged (EMA) parameters were evaluated.
  package var isEMA = false
  /// Views of every image whose mean was evaluated; 1 for unchanged samples.
  package var views = 1
  /// Mean training loss over the split; of several views, the mean of −ln of the right class's mean probability.
  package var loss: Float = 0
  /// Samples in the evaluation.
  package var count = 0
  package var correct = 0
  /// Samples whose class was among the likeliest five; nil for five classes or fewer.
  package var topCorrect: Int?
  /// The classes' names by label.
  package var classes: [String] = []
  /// Samples of class t that were predicted to be of class p, at t·classes + p; empty for more than `mostClasses`.
  package var confusion: [Int] = []
  /// The mistakes of the highest loss, the worst first.
  package var mistakes: [Mistake] = []

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
