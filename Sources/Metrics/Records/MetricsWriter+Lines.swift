import JSON

/// The kinds of line. Every method throws `RecordsError.file` when the system refuses the write.
extension MetricsWriter {
  /// Writes the first line of a fresh run.
  package func run(_ header: RunHeader) throws(RecordsError) { try line("run", header) }

  package func validation(_ record: ValidationRecord) throws(RecordsError) { try line("validation", record) }

  package func stages(_ record: StagesRecord) throws(RecordsError) { try line("stages", record, isUrgent: false) }

  package func event(_ record: EventRecord) throws(RecordsError) { try line("event", record) }

  /// Writes the final verdict on the gradient flow.
  package func verdict(step: Int, _ flow: GradientFlow) throws(RecordsError) { try line("verdict", step: step, flow) }

  private func line(
    _ kind: String, step: Int? = nil, _ record: some JSONRecord, isUrgent: Bool = true
  ) throws(RecordsError) {
    let head: JSON = step.map { ["kind": kind, "step": $0] } ?? ["kind": kind]
    buffer.json(.joining(head, record.json))
    try end(isUrgent: isUrgent)
  }
}

// The frequent lines, which allocate nothing.
extension MetricsWriter {
  package func step(_ record: StepRecord) throws(RecordsError) {
    begin("step", step: record.step)
    number("epoch", record.epoch)
    number("loss", Double(record.loss))
    number("learning_rate", record.learningRate)
    number("gradient_norm", Double(record.gradientNorm))
    number("clip_scale", Double(record.clipScale))
    number("samples_per_second", record.samplesPerSecond, digits: LineBuffer.normDigits)
    number("step_ms", record.stepMilliseconds, digits: LineBuffer.normDigits)
    buffer.raw("}")
    try end()
  }

  /// Writes the norms of all tensors, in the order of `RunHeader.tensors`. Pass `array.span`.
  package func norms(step: Int, _ tensors: Span<TensorNorms>) throws(RecordsError) {
    begin("norms", step: step)
    let count = tensors.count
    numbers("gradient_l2", count) { Double(tensors[$0].gradientL2) }
    numbers("gradient_max", count) { Double(tensors[$0].gradientMax) }
    numbers("gradient_nonfinite", count, digits: LineBuffer.exactDigits) { Double(tensors[$0].gradientNonfinite) }
    numbers("parameter_l2", count) { Double(tensors[$0].parameterL2) }
    numbers("parameter_max", count) { Double(tensors[$0].parameterMax) }
    numbers("update_l2", count) { Double(tensors[$0].updateL2) }
    numbers("update_max", count) { Double(tensors[$0].updateMax) }
    buffer.raw("}")
    try end()
  }

  package func norms(_ record: NormsRecord) throws(RecordsError) {
    try norms(step: record.step, record.tensors.span)
  }

  /// Writes the statistics of all measured layers, in the order of `RunHeader.activationLayers`.
  package func activations(step: Int, _ layers: Span<ActivationStatistics>) throws(RecordsError) {
    begin("activations", step: step)
    numbers("rms", layers.count) { Double(layers[$0].rms) }
    numbers("dead", layers.count) { Double(layers[$0].dead) }
    numbers("saturated", layers.count) { Double(layers[$0].saturated) }
    buffer.raw("}")
    try end()
  }

  package func activations(_ record: ActivationsRecord) throws(RecordsError) {
    try activations(step: record.step, record.layers.span)
  }

  private func begin(_ kind: StaticString, step: Int) {
    buffer.raw("{\"kind\":\"")
    buffer.raw(kind)
    buffer.raw("\",\"step\":")
    buffer.integer(step)
  }

  private func key(_ key: StaticString) {
    buffer.raw(",\"")
    buffer.raw(key)
    buffer.raw("\":")
  }

  private func number(_ key: StaticString, _ value: Double, digits: Int = LineBuffer.exactDigits) {
    self.key(key)
    buffer.number(value, digits: digits)
  }

  @inline(__always)
  private func numbers(
    _ key: StaticString, _ count: Int, digits: Int = LineBuffer.normDigits, _ value: (Int) -> Double
  ) {
    self.key(key)
    buffer.numbers(count, digits: digits, value)
  }
}
