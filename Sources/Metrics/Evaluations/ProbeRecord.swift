/// Measurements of a language model on sequences of several lengths: the contents of `probe.json`.
///
/// A part that was not measured is nil or empty.
package struct ProbeRecord: Sendable, Equatable {
  package var run = ""
  /// Optimizer updates before the checkpoint.
  package var step = 0
  /// T: tokens in a training sequence.
  package var trainingLength = 1
  /// The position encoding of a Transformer; nil in a recurrent network.
  package var position: String?
  package var stepTimes: StepTimes?
  package var reach: Reach?
  package var lengths: [LengthLoss] = []

  package init(run: String, step: Int, trainingLength: Int, position: String?) {
    self.run = run
    self.step = step
    self.trainingLength = trainingLength
    self.position = position
  }

  /// The time of a training step by the length of its sequences.
  package struct StepTimes: Sendable, Equatable {
    package var precision = ""
    package var lanes = 0
    package var points: [StepTime] = []

    package init(precision: String, lanes: Int, points: [StepTime]) {
      self.precision = precision
      self.lanes = lanes
      self.points = points
    }
  }

  package struct StepTime: Sendable, Equatable {
    /// Tokens in a sequence.
    package var length = 1
    /// Sequences in a step.
    package var rows = 0
    /// Median of a step.
    package var milliseconds = 0.0

    package init(length: Int, rows: Int, milliseconds: Double) {
      self.length = length
      self.rows = rows
      self.milliseconds = milliseconds
    }
  }

  /// The part of the gradient of a token's loss that reaches earlier tokens.
  package struct Reach: Sendable, Equatable {
    /// Sequences that were measured.
    package var windows = 0
    /// g(d) / g(0), d = 0…T − 1: g(d) is the root mean square, over the windows, of the L2 norm of the gradient of the
    /// last token's loss at the embedding of the token d places before it.
    package var norms: [Double] = []

    package init(windows: Int, norms: [Double]) {
      self.windows = windows
      self.norms = norms
    }
  }

  /// The validation loss in windows of several training lengths.
  package struct LengthLoss: Sendable, Equatable {
    /// Training lengths in a window.
    package var factor: Int
    /// Tokens that were predicted.
    package var tokens: Int
    /// Mean over all tokens, in nats; nil where the window is too long for the model.
    package var loss: Double?
    /// Mean over the tokens of each window beyond the training length; nil where there are none.
    package var lossBeyond: Double?
    /// The number of trained positions; nil where the window needs no more.
    package var places: Int?

    package init(factor: Int, tokens: Int = 0, loss: Double? = nil, lossBeyond: Double? = nil, places: Int? = nil) {
      self.factor = factor
      self.tokens = tokens
      self.loss = loss
      self.lossBeyond = lossBeyond
      self.places = places
    }
  }
}
