import Arenas
import ExecutionPlanning
import Kernels
import Layers
import ModelGraph
import Testing

/// A linear layer whose parameters go by other names, so that two layers can share them.
private struct Sharing: Layer {
  static let kind = "sharing"
  static let examples: [LayerExample] = []

  var linear: Linear
  let prefix: String

  var inputShapes: [TensorShape] { linear.inputShapes }
  var outputShape: TensorShape { linear.outputShape }
  var parameters: [ParameterDeclaration] {
    linear.parameters.map {
      ParameterDeclaration(prefix + $0.name, $0.shape, $0.initializer, fanIn: $0.fanIn, fanOut: $0.fanOut)
    }
  }
  var backwardReads: BackwardReads { linear.backwardReads }
  func scratchByteCount(_ placement: LayerPlacement) -> Int { linear.scratchByteCount(placement) }
  func matmuls(_ placement: LayerPlacement) -> [MatmulShape] { linear.matmuls(placement) }
  func forward(_ frame: Frame) { linear.forward(frame) }
  func backward(_ frame: Frame) { linear.backward(frame) }
}

@Suite struct TiedParameterTests {
  private func linear(_ units: Int) -> LayerBlueprint { Linear.blueprint(.init(units: units, initializer: .heNormal)) }

  /// x → linear → tanh → linear, with one set of parameters for both where they are tied.
  private func graph(tied: Bool, units: Int = 8) throws -> ModelGraph {
    var builder = GraphBuilder()
    let x = builder.field("input", TensorShape([6, 8]), .float32)
    let t = builder.field("target", TensorShape([6]), .int32)
    var y = try builder.add("shared.first", linear(8), x)
    y = try builder.add("tanh", ActivationLayer.blueprint(.init(.tanh)), y)
    let second = LayerBlueprint(kind: "sharing") { (inputs) throws(LayerError) in
      Sharing(
        linear: try Linear(settings: .init(units: units, initializer: .heNormal), inputs: inputs), prefix: "first.")
    }
    y = try builder.add(tied ? "shared" : "apart", second, y)
    return try builder.finish(
      prediction: y, loss: (lossCatalog.read(.object([("type", .string("cross_entropy"))])).product, t))
  }

  @Test(arguments: precisions) func gradientsOfAllUsersAddUp(_ precision: Precision) throws {
    let (tied, apart) = (try Trial(try graph(tied: true), precision), try Trial(try graph(tied: false), precision))
    #expect(tied.plan.table.entries.map(\.name) == ["shared.first.weight", "shared.first.bias"])
    #expect(apart.plan.table.entries.count == 4)
    // The same numbers in both uses.
    for part in ["weight", "bias"] {
      for (trial, name) in [(tied, "shared.first"), (apart, "shared.first"), (apart, "apart.first")] {
        let index = try #require(trial.plan.table.index(of: "\(name).\(part)"))
        var span = trial.plan.table.slice(trial.plan.table.entries[index], in: trial.state.parameters).mutableFloats
        for i in span.indices { span[i] = 0.4 * RandomStream(seed: 2, purpose: .checking).normal(i) }
      }
    }
    tied.state.refreshShadows()
    apart.state.refreshShadows()
    let (a, b) = (tied.run(), apart.run())
    #expect(a.loss == b.loss && a.prediction == b.prediction)
    for part in ["weight", "bias"] {
      let (first, second) = (apart.gradient(of: "shared.first.\(part)"), apart.gradient(of: "apart.first.\(part)"))
      #expect(distance(tied.gradient(of: "shared.first.\(part)"), zip(first, second).map(+)) < 1e-5)
    }
  }

  @Test func differentShapesCannotBeShared() throws {
    let graph = try graph(tied: true, units: 5)
    let error = #expect(throws: GraphError.self) { _ = try ParameterTable(graph) }
    #expect(error?.description == "model: shared: shares shared.first.weight, but as [5, 8] instead of [8, 8]")
  }
}
