import JSON

/// The first line of `metrics.jsonl`: kind `run`.
///
/// The `tensors` and `activationLayers` lists give the order of the arrays in all later `norms` and `activations`
/// lines.
package struct RunHeader: Sendable, Equatable {
  package var name = ""
  /// Architecture family, as `model.type` spells it: `mlp`, `resnet`, …
  package var family = ""
  /// Number of trainable scalars.
  package var parameterCount = 0
  package var seed: UInt64 = 0
  /// `float32` or `bfloat16`.
  package var precision = ""
  package var microBatches = 0
  package var lanes = 0
  /// Start of the run, ISO 8601 in UTC.
  package var started = ""
  /// Hardware threads of the machine that started the run.
  package var hostThreads = 0
  package var tensors: [TensorDescription] = []
  /// Names of the layers whose activations are measured, from the input to the output.
  package var activationLayers: [String] = []

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

extension RunHeader: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("name", &name)
    coder.member("family", &family)
    coder.member("parameter_count", &parameterCount)
    coder.member("seed", &seed)
    coder.member("precision", &precision)
    coder.member("micro_batches", &microBatches)
    coder.member("lanes", &lanes)
    coder.member("started", &started)
    coder.member("host_threads", &hostThreads)
    coder.member("tensors", &tensors)
    coder.member("activation_layers", &activationLayers)
  }
}

/// One parameter tensor in the order of the norms.
package struct TensorDescription: Sendable, Equatable {
  package var name = ""
  package var elementCount = 0
  /// Position from the input; tensors of one layer share it.
  package var depth = 0
  /// True for trained tensors of two or more dimensions; only these enter the gradient-flow verdict.
  /// Pass false for a frozen tensor: its gradient of zero says nothing about flow.
  package var isWeight = false

  package init(name: String, elementCount: Int, depth: Int, isWeight: Bool) {
    self.name = name
    self.elementCount = elementCount
    self.depth = depth
    self.isWeight = isWeight
  }
}

extension TensorDescription: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("name", &name)
    coder.member("elements", &elementCount)
    coder.member("depth", &depth)
    coder.member("is_weight", &isWeight)
  }
}
