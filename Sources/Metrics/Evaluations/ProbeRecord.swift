/// What a language model of a run does with sequences of several lengths: the contents of `probe.json`.
///
/// A part that nobody asked for is nil or empty.
package struct ProbeRecord: Sendable, Equatable {
  package var run: String
  /// Optimizer updates before the checkpoint that was looked at.
  package var step: Int
  /// T: tokens in a sequence that the run was trained on.
  package var trainingLength: Int
  /// How a Transformer's tokens know their places; nil in a recurrent network.
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

  /// The time of a training step against the length of its sequences.
  package struct StepTimes: Sendable, Equatable {
    package var precision: String
    package var lanes: Int
    package var points: [StepTime]

    package init(precision: String, lanes: Int, points: [StepTime]) {
      self.precision = precision
      self.lanes = lanes
      self.points = points
    }
  }

  package struct StepTime: Sendable, Equatable {
    /// Tokens in a sequence.
    package var length: Int
    /// Sequences in a step.
    package var rows: Int
    /// Median of a step.
    package var milliseconds: Double

    package init(length: Int, rows: Int, milliseconds: Double) {
      self.length = length
      self.rows = rows
      self.milliseconds = milliseconds
    }
  }

  /// How much of the gradient of a token's loss arrives at the tokens before it.
  package struct Reach: Sendable, Equatable {
    /// Sequences that were looked at.
    package var windows: Int
    /// g(d) / g(0), d = 0…T − 1: g(d) is the root mean square over the windows of the L2 norm of the gradient of the last
    /// token's loss at the embedding of the token d places before it.
    package var norms: [Double]

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
    /// Mean over all tokens, in nats; nil where the model cannot read so long a window.
    package var loss: Double?
    /// Mean over the tokens of each window behind the training length; nil where there are none.
    package var lossBeyond: Double?
    /// Where trained positions end; nil where a window did not go beyond.
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
