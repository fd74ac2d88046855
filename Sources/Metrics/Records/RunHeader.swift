/// What the first line of `metrics.jsonl` says about a run: kind `run`.
///
/// The `tensors` and `activationLayers` lists give the order of the arrays in all later `norms` and `activations`
/// lines.
package struct RunHeader: Sendable, Equatable {
  package var name: String
  /// Architecture family, as `model.type` spells it: `mlp`, `resnet`, …
  package var family: String
  /// Number of trainable scalars.
  package var parameterCount: Int
  package var seed: UInt64
  /// `float32` or `bfloat16`.
  package var precision: String
  package var microBatches: Int
  package var lanes: Int
  /// Start of the run, ISO 8601 in UTC.
  package var started: String
  /// Hardware threads of the machine that started the run.
  package var hostThreads: Int
  package var tensors: [TensorDescription]
  /// Names of the layers whose activations are measured, from the input to the output.
  package var activationLayers: [String]

  package init(
    name: String, family: String, parameterCount: Int, seed: UInt64, precision: String, microBatches: Int, lanes: Int,
    started: String, hostThreads: Int, tensors: [TensorDescription], activationLayers: [String]
  ) {
    self.name = name
    self.family = family
    self.parameterCount = parameterCount
    self.seed = seed
    self.precision = precision
    self.microBatches = microBatches
    self.lanes = lanes
    self.started = started
    self.hostThreads = hostThreads
    self.tensors = tensors
    self.activationLayers = activationLayers
  }
}

/// One parameter tensor as the norms know it.
package struct TensorDescription: Sendable, Equatable {
  package var name: String
  package var elementCount: Int
  /// Position from the input; tensors of one layer share it.
  package var depth: Int
  /// True for trained tensors of two or more dimensions; only these enter the gradient-flow verdict.
  /// Pass false for a frozen tensor: its gradient of zero says nothing about flow.
  package var isWeight: Bool

  package init(name: String, elementCount: Int, depth: Int, isWeight: Bool) {
    self.name = name
    self.elementCount = elementCount
    self.depth = depth
    self.isWeight = isWeight
  }
}
