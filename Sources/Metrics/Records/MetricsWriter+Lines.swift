import JSON

/// The kinds of line. Every method throws `RecordsError.file` when the system refuses the write.
extension MetricsWriter {
  /// Writes the first line of a fresh run.
  package func run(_ header: RunHeader) throws(RecordsError) {
    buffer.raw("{\"kind\":\"run\",\"name\":")
    buffer.string(header.name)
    buffer.raw(",\"family\":")
    buffer.string(header.family)
    buffer.raw(",\"parameter_count\":")
    buffer.integer(header.parameterCount)
    buffer.raw(",\"seed\":")
    buffer.integer(header.seed)
    buffer.raw(",\"precision\":")
    buffer.string(header.precision)
    buffer.raw(",\"micro_batches\":")
    buffer.integer(header.microBatches)
    buffer.raw(",\"lanes\":")
    buffer.integer(header.lanes)
    buffer.raw(",\"started\":")
    buffer.string(header.started)
    buffer.raw(",\"host_threads\":")
    buffer.integer(header.hostThreads)
    buffer.raw(",\"tensors\":[")
    for (index, tensor) in header.tensors.enumerated() {
      buffer.raw(index == 0 ? "{\"name\":" : ",{\"name\":")
      buffer.string(tensor.name)
      buffer.raw(",\"elements\":")
      buffer.integer(tensor.elementCount)
      buffer.raw(",\"depth\":")
      buffer.integer(tensor.depth)
      buffer.raw(tensor.isWeight ? ",\"is_weight\":true}" : ",\"is_weight\":false}")
    }
    buffer.raw("],\"activation_layers\":")
    strings(header.activationLayers)
    try end(urgent: true)
  }

  package func step(_ record: StepRecord) throws(RecordsError) {
    begin("step", step: record.step)
    buffer.raw(",\"epoch\":")
    buffer.number(record.epoch)
    buffer.raw(",\"loss\":")
    buffer.number(record.loss)
    buffer.raw(",\"learning_rate\":")
    buffer.number(record.learningRate)
    buffer.raw(",\"gradient_norm\":")
    buffer.number(record.gradientNorm)
    buffer.raw(",\"clip_scale\":")
    buffer.number(record.clipScale)
    buffer.raw(",\"samples_per_second\":")
    buffer.number(record.samplesPerSecond, digits: LineBuffer.normDigits)
    buffer.raw(",\"step_ms\":")
    buffer.number(record.stepMilliseconds, digits: LineBuffer.normDigits)
    try end()
  }

  /// Writes the norms of all tensors, in the order of `RunHeader.tensors`. Pass `array.span`.
  package func norms(step: Int, _ tensors: Span<TensorNorms>) throws(RecordsError) {
    begin("norms", step: step)
    buffer.raw(",\"gradient_l2\":")
    buffer.numbers(tensors.count) { Double(tensors[$0].gradientL2) }
    buffer.raw(",\"gradient_max\":")
    buffer.numbers(tensors.count) { Double(tensors[$0].gradientMax) }
    buffer.raw(",\"gradient_nonfinite\":")
    buffer.numbers(tensors.count, digits: LineBuffer.exactDigits) { Double(tensors[$0].gradientNonfinite) }
    buffer.raw(",\"parameter_l2\":")
    buffer.numbers(tensors.count) { Double(tensors[$0].parameterL2) }
    buffer.raw(",\"parameter_max\":")
    buffer.numbers(tensors.count) { Double(tensors[$0].parameterMax) }
    buffer.raw(",\"update_l2\":")
    buffer.numbers(tensors.count) { Double(tensors[$0].updateL2) }
    buffer.raw(",\"update_max\":")
    buffer.numbers(tensors.count) { Double(tensors[$0].updateMax) }
    try end()
  }

  package func norms(_ record: NormsRecord) throws(RecordsError) {
    try norms(step: record.step, record.tensors.span)
  }

  /// Writes the statistics of all measured layers, in the order of `RunHeader.activationLayers`.
  package func activations(step: Int, _ layers: Span<ActivationStatistics>) throws(RecordsError) {
    begin("activations", step: step)
    buffer.raw(",\"rms\":")
    buffer.numbers(layers.count) { Double(layers[$0].rms) }
    buffer.raw(",\"dead\":")
    buffer.numbers(layers.count) { Double(layers[$0].dead) }
    buffer.raw(",\"saturated\":")
    buffer.numbers(layers.count) { Double(layers[$0].saturated) }
    try end()
  }

  package func activations(_ record: ActivationsRecord) throws(RecordsError) {
    try activations(step: record.step, record.layers.span)
  }

  package func validation(_ record: ValidationRecord) throws(RecordsError) {
    begin("validation", step: record.step)
    buffer.raw(",\"split\":")
    buffer.string(record.split)
    buffer.raw(",\"loss\":")
    buffer.number(record.loss)
    if let accuracy = record.accuracy {
      buffer.raw(",\"accuracy\":")
      buffer.number(accuracy)
    }
    buffer.raw(",\"count\":")
    buffer.integer(record.count)
    if let exactMatch = record.exactMatch {
      buffer.raw(",\"exact_match\":")
      buffer.number(exactMatch)
    }
    if let levels = record.noiseLevels {
      buffer.raw(",\"noise_levels\":")
      buffer.numbers(levels.count) { Double(levels[$0]) }
    }
    buffer.raw(record.isEMA ? ",\"is_ema\":true" : ",\"is_ema\":false")
    try end(urgent: true)
  }

  package func stages(_ record: StagesRecord) throws(RecordsError) {
    begin("stages", step: record.step)
    buffer.raw(",\"names\":[")
    for (index, stage) in record.stages.enumerated() {
      if index > 0 { buffer.raw(",") }
      buffer.string(stage.name)
    }
    buffer.raw("],\"busy\":")
    buffer.numbers(record.stages.count, digits: LineBuffer.exactDigits) { record.stages[$0].busy }
    buffer.raw(",\"waiting\":")
    buffer.numbers(record.stages.count, digits: LineBuffer.exactDigits) { record.stages[$0].waiting }
    try end()
  }

  package func event(_ record: EventRecord) throws(RecordsError) {
    begin("event", step: record.step)
    buffer.raw(",\"event\":")
    buffer.string(record.kind.rawValue)
    buffer.raw(",\"text\":")
    buffer.string(record.text)
    try end(urgent: true)
  }

  /// Writes the final judgement of the gradient flow.
  package func verdict(step: Int, _ flow: GradientFlow) throws(RecordsError) {
    begin("verdict", step: step)
    buffer.raw(",\"verdict\":")
    buffer.string(flow.verdict.rawValue)
    buffer.raw(",\"slope\":")
    buffer.number(flow.slope)
    buffer.raw(",\"change\":")
    buffer.number(flow.change)
    buffer.raw(",\"depths\":")
    buffer.numbers(flow.depths.count) { Double(flow.depths[$0]) }
    buffer.raw(",\"log10_rms\":")
    buffer.numbers(flow.medians.count) { flow.medians[$0] }
    buffer.raw(",\"sentence\":")
    buffer.string(flow.sentence)
    buffer.raw(",\"advice\":")
    buffer.string(flow.advice)
    try end(urgent: true)
  }

  private func strings(_ values: [String]) {
    buffer.raw("[")
    for (index, value) in values.enumerated() {
      if index > 0 { buffer.raw(",") }
      buffer.string(value)
    }
    buffer.raw("]")
  }
}
