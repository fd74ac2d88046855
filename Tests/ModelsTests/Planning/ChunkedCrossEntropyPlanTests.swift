import Configuration
import JSON
import Layers
import Models
import Tensors
import Testing

/// Plans of language models whose logits do not fit in memory.
@Suite struct ChunkedCrossEntropyPlanTests {
  private static func tokens(_ builder: inout GraphBuilder, _ shape: [Int]) -> (ModelGraph.Value, ModelGraph.Value) {
    (builder.field("input", TensorShape(shape), .int32), builder.field("target", TensorShape(shape), .int32))
  }

  private static func loss(_ settings: String = "") throws -> LossBlueprint {
    try lossCatalog.read(try JSONParser.parse(#"{"type": "cross_entropy"\#(settings)}"#, file: "loss")).product
  }

  /// Embedding → layer norm → head, with logits of just over 16 MiB: two blocks of rows and five groups of classes.
  private static func model(tied: Bool, smoothing: Double = 0) throws -> ModelGraph {
    let (vocabulary, width) = (7001, 8)
    var builder = GraphBuilder()
    let (x, t) = tokens(&builder, [3, 200])
    var embedding = Embedding.LayerSettings(vocabulary: vocabulary, width: width)
    embedding.initializer = .normal(deviation: 0.7)
    var y = try builder.add("embedding", Embedding.blueprint(embedding), x)
    y = try builder.add("norm", LayerNorm.blueprint(.init()), y)
    var head = Linear.LayerSettings(units: vocabulary, initializer: .normal(deviation: 0.7))
    head.hasBias = !tied
    y = try builder.add("head", Linear.blueprint(head), y, sharing: tied ? "embedding" : nil)
    return try builder.finish(prediction: y, loss: (loss(#", "label_smoothing": \#(smoothing)"#), t))
  }

  @Test(arguments: precisions, [true, false]) func equalsCompleteLogits(_ precision: Precision, tied: Bool) throws {
    let graph = try Self.model(tied: tied, smoothing: tied ? 0 : 0.1)
    let chunked = try Trial(graph, precision) { $0.keepsPrediction = false }
    let whole = try Trial(graph, precision) { $0.fusesNeighbours = false }
    for trial in [chunked, whole] {
      trial.setIntegers(field: 0) { $0 * 37 % 7001 }
      trial.setIntegers(field: 1) { $0 % 11 == 5 ? -1 : $0 * 61 % 7001 }
    }
    #expect(chunked.plan.steps.map(\.name) == ["embedding", "norm", "head"])
    #expect(chunked.plan.graph.prediction == nil && chunked.plan.graph.lossNode == 2)
    #expect(chunked.plan.table.entries.map(\.name) == whole.plan.table.entries.map(\.name))
    let (a, b) = (chunked.run(), whole.run())
    #expect(a.prediction.isEmpty && b.prediction.count == 600 * 7001)
    #expect(abs(a.loss.value - b.loss.value) <= 1e-5 * b.loss.value && a.loss.count == b.loss.count)
    #expect(a.loss.correct == b.loss.correct)
    for name in whole.plan.table.entries.map(\.name) {
      let tolerance = precision == .float32 ? 1e-5 : 0.01
      #expect(distance(chunked.gradient(of: name), whole.gradient(of: name)) <= tolerance, "\(name)")
    }
    #expect(chunked.run() == a)
    let evaluation = try Trial(graph, precision, isTraining: false) { $0.keepsPrediction = false }
    evaluation.setIntegers(field: 0) { $0 * 37 % 7001 }
    evaluation.setIntegers(field: 1) { $0 % 11 == 5 ? -1 : $0 * 61 % 7001 }
    #expect(evaluation.run().loss == a.loss)
  }

  @Test func frozenHeadsOnlyPassGradientsOn() throws {
    let graph = try Self.model(tied: false)
    let whole = try Trial(graph) { $0.keepsPrediction = false }
    let frozen = try Trial(graph, frozen: ["head.weight", "head.bias"]) { $0.keepsPrediction = false }
    _ = (whole.run(), frozen.run())
    #expect(frozen.gradient(of: "head.weight").allSatisfy { $0.isNaN })
    #expect(frozen.gradient(of: "embedding.weight") == whole.gradient(of: "embedding.weight"))
    let head = try Trial(graph, frozen: ["embedding.weight", "norm.weight", "norm.bias"]) { $0.keepsPrediction = false }
    _ = head.run()
    #expect(head.plan.steps.map(\.runsBackward) == [false, false, true])
    #expect(head.gradient(of: "head.weight") == whole.gradient(of: "head.weight"))
  }

  /// Values of the batch are rounded for products, the target is not.
  @Test(arguments: precisions) func readsValuesOfTheBatch(_ precision: Precision) throws {
    var builder = GraphBuilder()
    let x = builder.field("input", TensorShape([3, 200, 8]), .float32)
    let t = builder.field("target", TensorShape([3, 200]), .int32)
    let y = try builder.add("head", Linear.blueprint(.init(units: 7001, initializer: .heNormal)), x)
    let graph = try builder.finish(prediction: y, loss: (Self.loss(), t))
    let (chunked, whole) = (try Trial(graph, precision) { $0.keepsPrediction = false }, try Trial(graph, precision))
    #expect(chunked.plan.steps.count == 1 && whole.plan.steps.count == 2)
    let (a, b) = (chunked.run(), whole.run())
    #expect(abs(a.loss.value - b.loss.value) <= 1e-5 * b.loss.value)
    let tolerance = precision == .float32 ? 1e-5 : 0.01
    #expect(distance(chunked.gradient(of: "head.weight"), whole.gradient(of: "head.weight")) <= tolerance)
  }

  @Test func aPredictionThatIsReadStays() throws {
    let graph = try Self.model(tied: true)
    let table = try ParameterTable(graph)
    let plan = ExecutionPlan(graph, table: table, precision: .float32, isTraining: false)
    #expect(plan.steps.map(\.name) == ["embedding", "norm", "head", "loss"])
    #expect(plan.prediction.count == 600 * 7001)
  }

  /// GPT-2's vocabulary: neither training nor evaluation has memory for all logits.
  @Test(arguments: precisions) func logitsAreComputedInTiles(_ precision: Precision) throws {
    let (rows, vocabulary) = (8 * 512, 50_257)
    var builder = GraphBuilder()
    let (x, t) = Self.tokens(&builder, [8, 512])
    let settings = #"{"type": "transformer", "layers": 2, "width": 64, "heads": 2}"#
    let transformer = try architectureCatalog.read(try JSONParser.parse(settings, file: "model")).product
    let input = BatchInputs.Field(name: "input", value: x, sample: TensorShape([512]), classCount: vocabulary)
    let prediction = try transformer.build(&builder, inputs: BatchInputs([input]), outputs: vocabulary)
    let graph = try builder.finish(prediction: prediction, loss: (Self.loss(), t))
    let table = try ParameterTable(graph)
    for isTraining in [true, false] {
      var options = PlanOptions()
      func plan() -> ExecutionPlan {
        ExecutionPlan(graph, table: table, precision: precision, isTraining: isTraining, options: options)
      }
      let whole = plan()
      options.keepsPrediction = false
      let chunked = plan()
      #expect(whole.activationByteCount > rows * vocabulary * 4)
      #expect(8 * chunked.activationByteCount < rows * vocabulary * 4)
      // Products are counted once, except repeated ones.
      #expect(chunked.flops <= whole.flops && 10 * chunked.flops > 9 * whole.flops)
    }
  }
}
