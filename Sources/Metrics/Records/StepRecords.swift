/// The scalars of one optimizer update: kind `step`.
package struct StepRecord: Sendable, Equatable {
  package var step: Int
  /// Passes over the training data so far, with the fraction of the current one.
  package var epoch: Double
  /// Mean training loss of the batch.
  package var loss: Float
  package var learningRate: Double
  /// Global L2 norm of the gradient before clipping.
  package var gradientNorm: Float
  /// The factor of clipping; 1 without clipping.
  package var clipScale: Float
  package var samplesPerSecond: Double
  /// Wall time of the step in milliseconds.
  package var stepMilliseconds: Double

  package init(
    step: Int, epoch: Double, loss: Float, learningRate: Double, gradientNorm: Float, clipScale: Float,
    samplesPerSecond: Double, stepMilliseconds: Double
  ) {
    self.step = step
    self.epoch = epoch
    self.loss = loss
    self.learningRate = learningRate
    self.gradientNorm = gradientNorm
    self.clipScale = clipScale
    self.samplesPerSecond = samplesPerSecond
    self.stepMilliseconds = stepMilliseconds
  }
}

/// Measurements of one tensor in one step, from the gradient reduction and the update.
package struct TensorNorms: Sendable, Equatable, BitwiseCopyable {
  /// L2 norm and largest absolute value of the gradient, before clipping.
  package var gradientL2: Float = 0
  package var gradientMax: Float = 0
  /// Number of gradient elements that are NaN or infinite.
  package var gradientNonfinite: UInt32 = 0
  /// L2 norm and largest absolute value of the parameter after the update.
  package var parameterL2: Float = 0
  package var parameterMax: Float = 0
  /// L2 norm and largest absolute value of the update.
  package var updateL2: Float = 0
  package var updateMax: Float = 0

  package init(
    gradientL2: Float = 0, gradientMax: Float = 0, gradientNonfinite: UInt32 = 0, parameterL2: Float = 0,
    parameterMax: Float = 0, updateL2: Float = 0, updateMax: Float = 0
  ) {
    self.gradientL2 = gradientL2
    self.gradientMax = gradientMax
    self.gradientNonfinite = gradientNonfinite
    self.parameterL2 = parameterL2
    self.parameterMax = parameterMax
    self.updateL2 = updateL2
    self.updateMax = updateMax
  }
}

/// The norms of all tensors in one step, in the order of `RunHeader.tensors`: kind `norms`.
package struct NormsRecord: Sendable, Equatable {
  package var step: Int
  package var tensors: [TensorNorms]

  package init(step: Int, tensors: [TensorNorms]) {
    self.step = step
    self.tensors = tensors
  }
}

/// Statistics of one layer's outputs over a batch.
package struct ActivationStatistics: Sendable, Equatable, BitwiseCopyable {
  package var rms: Float = 0
  /// Share (0...1) of units that were zero for the whole batch.
  package var dead: Float = 0
  /// Share (0...1) of outputs in the flat part of a bounded activation.
  package var saturated: Float = 0

  package init(rms: Float = 0, dead: Float = 0, saturated: Float = 0) {
    self.rms = rms
    self.dead = dead
    self.saturated = saturated
  }
}

/// The activations of one logging step, in the order of `RunHeader.activationLayers`: kind `activations`.
package struct ActivationsRecord: Sendable, Equatable {
  package var step: Int
  package var layers: [ActivationStatistics]

  package init(step: Int, layers: [ActivationStatistics]) {
    self.step = step
    self.layers = layers
  }
}
