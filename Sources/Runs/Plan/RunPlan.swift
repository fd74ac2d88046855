import Configuration
import Data
import Foundation
import Kernels
import Layers
import Models
import Optimizers
import Tensors

/// A configuration worked out: data opened, graph built, plans laid out, costs known. Nothing is allocated yet.
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
  /// Nil where the run draws no samples.
  package let samples: SamplePlan?

  package var batchSize: Int { rows * tree.microBatches }

  /// A field of the data, by number, and the field of the graph that it feeds.
  package typealias BoundField = (graph: Int, data: Int)

  package var boundFields: [BoundField] {
    graph.fields.enumerated().compactMap { index, field in
      data.fields.firstIndex { $0.name == field.name }.map { (index, $0) }
    }
  }

  /// Whether the loss can tell right answers from wrong ones.
  package var hasAccuracy: Bool {
    graph.lossNode.flatMap { graph.nodes[$0].layer as? any Loss }?.accuracyName != nil
  }

  /// The classes' names by label, for a model that says one class a sample; nil for every other.
  package var classNames: [String]? {
    guard configuration.loss.wantsClasses, let target = data.fields.first(where: { $0.name == SampleField.target }),
      let names = target.classLabels, target.shape == .scalar || data.mixing != nil,
      graph.predictionShape == TensorShape([rows, names.count])
    else { return nil }
    return names
  }

  /// Whether every sample is answered with one class, so that mistakes can be counted and shown.
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
        "data.\(data.settings.mixup != nil ? "mixup" : "cutmix"): makes targets shares of classes, which the loss "
          + "\(configuration.loss.kind) does not compare; use \"cross_entropy\", or remove mixup and cutmix")
    }
    samples = try SamplePlan(configuration, data)
    graph = try Self.graph(configuration, data.fields, of: data.name, rows: rows)
    do throws(GraphError) {
      table = try ParameterTable(graph)
    } catch {
      throw RunError(.configuration, error.description)
    }
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
    // What a classifier says of each sample is judged; nobody reads what is said of each token of a sequence.
    options.keepsPrediction = !graph.predictsSequences
    evaluationPlan = ExecutionPlan(
      graph, table: table, precision: precision, isTraining: false, options: options)
    let horizon = ScheduleHorizon(totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch)
    do throws(ConfigurationError) {
      try configuration.schedule.check(horizon)
    } catch {
      throw RunError(.configuration, error.description)
    }
    try checkWatched()
    try checkSequenceState()
  }

  /// Refuses an order of batches that the model makes nothing of, and a model that waits for another one.
  private func checkSequenceState() throws(RunError) {
    let carries = trainingPlan.sequenceStateByteCount > 0
    guard data.pieceLength == nil || carries else {
      throw RunError(
        .configuration,
        "data.order: \"streams\" is for models that carry a state from batch to batch; use \"windows\", or a "
          + "\"recurrent\" model with \"carry\": true")
    }
    guard data.pieceLength != nil || !carries || configuration.data.kind.windowLength == nil else {
      throw RunError(
        .configuration,
        "model.carry: there is nothing to carry between windows in a random order; set data.order to \"streams\"")
    }
  }

  /// Beyond any machine, and so few that no count of bytes or operations made from them overflows: parameters, and layers'
  /// outputs and multiplications in a forward pass over a micro-batch.
  private static let mostParameters = 1 << 42
  private static let mostOutputs = 0x1p40
  private static let mostProducts = 0x1p59

  package static func checkSize(_ graph: ModelGraph, _ table: ParameterTable) throws(RunError) {
    var outputs = 0.0
    var products = 0.0
    for layer in graph.nodes.map(\.layer) {
      let count = Double(layer.outputShape.elementCount)
      outputs += count
      // An output is made with the parameters of its unit or channel, which a parameter's first dimension counts.
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

  /// Refuses a model that passes over what the samples were asked to hold: a class to be told, a time, a source.
  ///
  /// For runs that are to begin; one that has been trained so is evaluated and goes on as it is.
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

  /// Refuses settings that wait for figures which no evaluation will give.
  private func checkWatched() throws(RunError) {
    let kind = configuration.loss.kind
    guard hasAccuracy || configuration.checkpoints.monitor != .accuracy else {
      throw RunError(.configuration, "checkpoints.monitor: the loss \(kind) knows no accuracy; use \"validation.loss\"")
    }
    guard data.splits.validation.isEmpty else { return }
    let missing = "needs validation samples, but data.validation_fraction is 0"
    guard configuration.training.earlyStopping.patience == nil else {
      throw RunError(.configuration, "training.early_stopping.patience: \(missing)")
    }
    guard configuration.schedule.initialPlateau == nil else {
      throw RunError(.configuration, "schedule: waiting for a plateau \(missing)")
    }
  }

  private static func groups(
    _ configuration: RunConfiguration, _ table: ParameterTable
  ) throws(RunError) -> [ParameterGroup] {
    do throws(ConfigurationError) {
      return try configuration.optimizerSettings.groups.resolve(
        names: table.entries.map(\.name), shapes: table.entries.map(\.shape))
    } catch {
      throw RunError(.configuration, error.description)
    }
  }

  /// The configuration's model on samples of these fields.
  ///
  /// - Parameters:
  ///   - fields: of the data, or as a checkpoint remembers them.
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
        "loss.type: a model that denoises predicts values of any size, which \(configuration.loss.kind) does not compare;"
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
    do throws(GraphError) {
      let t = value(target)
      let w = weight.map(value)
      let outputs = target.classCount ?? target.shape.last
      let prediction = try configuration.model.build(&builder, inputs: BatchInputs(read), outputs: outputs)
      return try builder.finish(prediction: prediction, loss: (configuration.loss, t), weights: w)
    } catch {
      throw RunError(.configuration, error.description)
    }
  }
}
