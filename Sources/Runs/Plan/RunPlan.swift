import Configuration
import Data
import Foundation
import Kernels
import Layers
import Models
import Optimizers
import Tensors

/// A configuration with its opened data, graph and execution plans. Nothing is allocated yet.
package struct RunPlan: Sendable {
  package let configuration: RunConfiguration
  package let data: Dataset
  package let graph: ModelGraph
  package let table: ParameterTable
  package let groups: [ParameterGroup]
  package let trainingPlan: ExecutionPlan
  package let evaluationPlan: ExecutionPlan
  package let tree: GradientTree
  /// Samples in a micro-batch.
  package let rows: Int
  package let stepsPerEpoch: Int
  package let totalSteps: Int
  /// Nil if the run draws no samples.
  package let samples: SamplePlan?

  package var batchSize: Int { rows * tree.microBatches }

  /// The number of a field of the graph, and that of the data's field that feeds it.
  package typealias BoundField = (graph: Int, data: Int)

  package var boundFields: [BoundField] {
    graph.fields.enumerated().compactMap { index, field in
      data.fields.firstIndex { $0.name == field.name }.map { (index, $0) }
    }
  }

  /// Whether the loss counts correct predictions.
  package var hasAccuracy: Bool {
    graph.lossNode.flatMap { graph.nodes[$0].layer as? any Loss }?.accuracyName != nil
  }

  /// The class names by label of a model that predicts one class per sample; nil for any other.
  package var classNames: [String]? {
    guard configuration.loss.wantsClasses, let target = data.fields.first(where: { $0.name == SampleField.target }),
      let names = target.classLabels, target.shape == .scalar || data.mixing != nil,
      graph.predictionShape == TensorShape([rows, names.count])
    else { return nil }
    return names
  }

  /// Whether the model predicts one class per sample, so that mistakes can be counted and shown.
  package var isClassifier: Bool { classNames != nil }

  /// - Parameters:
  ///   - configuration: with `training.micro_batches` resolved.
  ///   - lanes: threads that compute; never part of a run's identity.
  package init(_ configuration: RunConfiguration, data: Dataset, lanes: Int) throws(RunError) {
    self.configuration = configuration
    self.data = data
    let batchSize = data.settings.batchSize
    let microBatches = configuration.training.microBatches ?? 1
    guard batchSize % microBatches == 0 else {
      throw RunError(
        .configuration,
        "training.micro_batches: \(microBatches) does not divide data.batch_size \(batchSize); use one of its divisors")
    }
    guard configuration.training.precision == .float32 || OneDNN.supportsBFloat16 else {
      throw RunError(
        .configuration, "training.precision: this CPU has no bfloat16 products, which need AVX-512; use \"float32\"")
    }
    rows = batchSize / microBatches
    tree = GradientTree(microBatches: microBatches, lanes: lanes)
    stepsPerEpoch = data.order.stepsPerEpoch(batchSize: batchSize)
    totalSteps = configuration.training.duration.steps(perEpoch: stepsPerEpoch)
    guard configuration.loss.wantsClasses || data.mixing == nil else {
      throw RunError(
        .configuration,
        "data.\(data.settings.mixup != nil ? "mixup" : "cutmix"): turns targets into shares of classes, which the loss "
          + "\(configuration.loss.kind) does not support; use \"cross_entropy\", or remove mixup and cutmix")
    }
    samples = try SamplePlan(configuration, data)
    graph = try Self.graph(configuration, data.fields, of: data.name, rows: rows)
    table = try RunError.configuration { [graph] () throws(GraphError) in try ParameterTable(graph) }
    guard !table.entries.isEmpty else {
      throw RunError(
        .configuration, "model: has no parameters to train; add a layer that has some, such as \"linear\"")
    }
    try Self.checkSize(graph, table)
    groups = try Self.groups(configuration, table)
    let frozen = Set(zip(table.entries, groups).filter { $0.1.isFrozen }.map(\.0.name))
    let precision = configuration.training.precision
    var options = PlanOptions()
    options.keepsPrediction = false
    trainingPlan = ExecutionPlan(
      graph, table: table, precision: precision, isTraining: true, frozen: frozen, options: options)
    // Evaluations read the predictions of classifiers and denoisers, not those of every token of a sequence.
    options.keepsPrediction = !graph.predictsSequences
    evaluationPlan = ExecutionPlan(
      graph, table: table, precision: precision, isTraining: false, options: options)
    let horizon = ScheduleHorizon(totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch)
    try RunError.configuration { () throws(ConfigurationError) in try configuration.schedule.check(horizon) }
    try checkWatched()
    try checkSequenceState()
  }

  /// Refuses an order of batches that does not fit the model's recurrent state.
  private func checkSequenceState() throws(RunError) {
    let carries = trainingPlan.sequenceStateByteCount > 0
    guard data.pieceLength == nil || carries else {
      throw RunError(
        .configuration,
        "data.order: \"streams\" needs a model that carries a state from batch to batch; use \"windows\", or a "
          + "\"recurrent\" model with \"carry\": true")
    }
    guard data.pieceLength != nil || !carries || configuration.data.kind.windowLength == nil else {
      throw RunError(
        .configuration,
        "model.carry: windows in a random order have no state to carry; set data.order to \"streams\"")
    }
  }

  /// Limits of a forward pass over a micro-batch: beyond any machine, and low enough that counts of bytes and
  /// operations do not overflow.
  private static let mostParameters = 1 << 42
  private static let mostOutputs = 0x1p40
  private static let mostProducts = 0x1p59

  package static func checkSize(_ graph: ModelGraph, _ table: ParameterTable) throws(RunError) {
    var outputs = 0.0
    var products = 0.0
    for layer in graph.nodes.map(\.layer) {
      let count = Double(layer.outputShape.elementCount)
      outputs += count
      // A parameter's first dimension counts units or channels, and an output uses the parameters of its own.
      for parameter in layer.parameters {
        products += count * Double(parameter.shape.elementCount / (parameter.shape.dimensions.first ?? 1))
      }
    }
    guard table.parameterCount <= mostParameters, outputs <= mostOutputs, products <= mostProducts else {
      let counts = String(
        format: "%.3g parameters, %.3g outputs of layers and %.3g multiplications", Double(table.parameterCount),
        outputs, products)
      throw RunError(
        .configuration,
        "model: \(counts) in a micro-batch are beyond any machine; use fewer or smaller layers, or more micro-batches")
    }
  }

  /// Refuses a model that ignores a field of the samples, such as a condition or a source.
  ///
  /// For new runs only; an existing one is evaluated and resumed as it is.
  package func checkFields() throws(RunError) {
    let optional = Set(data.fields.filter(\.isOptional).map(\.name))
    let names = graph.unreadFields.map(\.name).filter { !optional.contains($0) }
    guard !names.isEmpty else { return }
    let listed = names.map { "\"\($0)\"" }.joined(separator: ", ")
    throw RunError(
      .configuration,
      "model: no layer of \"\(configuration.modelKind)\" reads \(listed), which the samples of \(data.name) hold; "
        + (data.forwardProcess == nil
          ? "use a model that does, or remove the field from the data"
          : "use a model that does, such as \"unet\" or \"dit\""))
  }

  /// Refuses pools of checkpoints that would never keep one, for runs that are to begin.
  ///
  /// A run that is shorter than one of the lengths tries something out, and its last step is evaluated and saved anyway.
  package func checkPools() throws(RunError) {
    let settings = configuration.checkpoints
    guard settings.keepBest < 2 || !data.splits.validation.isEmpty else {
      throw RunError(
        .configuration,
        "checkpoints.keep_best: needs validation samples to tell the best, but data.validation_fraction is 0")
    }
    guard settings.keepBest < 2 || savesEvaluated else {
      throw RunError(
        .configuration,
        "checkpoints.keep_best: only the last of \(totalSteps) steps is both evaluated and saved; let checkpoints.every "
          + "and training.validate_every meet, or drop keep_best")
    }
    guard let keepEvery = settings.keepEvery?.steps(perEpoch: stepsPerEpoch), totalSteps % keepEvery != 0,
      !saves(atMultiplesOf: keepEvery)
    else { return }
    throw RunError(
      .configuration,
      "checkpoints.keep_every: none of \(totalSteps) steps is both a multiple of it and saved; use a multiple of "
        + "checkpoints.every")
  }

  /// Whether a step before the last is both evaluated and saved, as far as the run is long enough for either.
  package var savesEvaluated: Bool {
    saves(atMultiplesOf: configuration.training.validateEvery.steps(perEpoch: stepsPerEpoch))
  }

  private func saves(atMultiplesOf other: Int) -> Bool {
    let every = configuration.checkpoints.every.steps(perEpoch: stepsPerEpoch)
    return every >= totalSteps || other >= totalSteps || Self.meets(every, other, before: totalSteps)
  }

  /// Whether two lengths have a common multiple below `end`.
  private static func meets(_ a: Int, _ b: Int, before end: Int) -> Bool {
    var (x, y) = (a, b)
    while y > 0 { (x, y) = (y, x % y) }
    return a / x <= (end - 1) / b
  }

  /// Refuses settings that depend on results which no evaluation gives.
  private func checkWatched() throws(RunError) {
    let kind = configuration.loss.kind
    guard hasAccuracy || configuration.checkpoints.monitor != .accuracy else {
      throw RunError(.configuration, "checkpoints.monitor: the loss \(kind) has no accuracy; use \"validation.loss\"")
    }
    guard data.splits.validation.isEmpty else { return }
    let missing = "needs validation samples, but data.validation_fraction is 0"
    guard configuration.training.earlyStopping.patience == nil else {
      throw RunError(.configuration, "training.early_stopping.patience: \(missing)")
    }
    guard configuration.schedule.initialPlateau == nil else {
      throw RunError(.configuration, "schedule: a plateau \(missing)")
    }
  }

  private static func groups(
    _ configuration: RunConfiguration, _ table: ParameterTable
  ) throws(RunError) -> [ParameterGroup] {
    try RunError.configuration { () throws(ConfigurationError) in
      try configuration.optimizerSettings.groups.resolve(
        names: table.entries.map(\.name), shapes: table.entries.map(\.shape))
    }
  }

  /// The configuration's model with its loss.
  ///
  /// - Parameters:
  ///   - fields: of the data, or stored in a checkpoint.
  ///   - name: of the data.
  ///   - rows: samples in a micro-batch.
  package static func graph(
    _ configuration: RunConfiguration, _ fields: [SampleField], of name: String, rows: Int
  ) throws(RunError) -> ModelGraph {
    guard let input = fields.first(where: { $0.name == SampleField.input }),
      let target = fields.first(where: { $0.name == SampleField.target })
    else {
      throw RunError(.configuration, "data: \(name) has no fields \"input\" and \"target\" to train on")
    }
    guard configuration.data.diffusion == nil || configuration.loss.comparesValues else {
      throw RunError(
        .configuration,
        "loss.type: a diffusion model predicts values, which \(configuration.loss.kind) does not compare;"
          + " use \"mse\" or \"huber\"")
    }
    let wantsClasses = configuration.loss.wantsClasses
    guard wantsClasses == (target.type == .int32 || target.classCount != nil) else {
      let (expected, found, fitting) =
        wantsClasses
        ? ("class numbers", "values", #""mse", "huber" or "binary_cross_entropy""#)
        : ("values", "class numbers", #""cross_entropy""#)
      throw RunError(
        .configuration,
        "loss.type: \(configuration.loss.kind) expects \(expected) as targets, but \(name) has \(found);"
          + " use \(fitting)")
    }
    var builder = GraphBuilder()
    func value(_ field: SampleField) -> ModelGraph.Value {
      builder.field(
        field.name, TensorShape([rows] + field.shape.dimensions), field.type, classCount: field.classCount)
    }
    let weight = fields.first { $0.name == SampleField.weight }
    let inputs = [input] + fields.filter { $0 != input && $0 != target && $0 != weight }
    let read = inputs.map {
      BatchInputs.Field(name: $0.name, value: value($0), sample: $0.shape, classCount: $0.classCount)
    }
    return try RunError.configuration { () throws(GraphError) in
      let t = value(target)
      let w = weight.map(value)
      let outputs = target.classCount ?? target.shape.last
      let prediction = try configuration.model.build(&builder, inputs: BatchInputs(read), outputs: outputs)
      return try builder.finish(prediction: prediction, loss: (configuration.loss, t), weights: w)
    }
  }
}
