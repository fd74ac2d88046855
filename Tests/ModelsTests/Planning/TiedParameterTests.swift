import Kernels
import Layers
import Models
import Tensors
import Testing

@Suite struct TiedParameterTests {
  private func linear(_ units: Int) -> LayerBlueprint { Linear.blueprint(.init(units: units, initializer: .heNormal)) }

  /// x → linear → tanh → linear, with one set of parameters for both where they are tied.
  private func graph(tied: Bool, units: Int = 8) throws -> ModelGraph {
    var builder = GraphBuilder()
    let x = builder.field("input", TensorShape([6, 8]), .float32)
    let t = builder.field("target", TensorShape([6]), .int32)
    var y = try builder.add("first", linear(8), x)
    y = try builder.add("tanh", ActivationLayer.blueprint(.init(.tanh)), y)
    y = try builder.add("second", linear(units), y, sharing: tied ? "first" : nil)
    return try builder.finish(
      prediction: y, loss: (lossCatalog.read(.object([("type", .string("cross_entropy"))])).product, t))
  }

  @Test(arguments: precisions) func gradientsOfAllUsersAddUp(_ precision: Precision) throws {
    let (tied, apart) = (try Trial(try graph(tied: true), precision), try Trial(try graph(tied: false), precision))
    #expect(tied.plan.table.entries.map(\.name) == ["first.weight", "first.bias"])
    #expect(apart.plan.table.entries.count == 4)
    // The same numbers in both uses.
    for part in ["weight", "bias"] {
      for (trial, name) in [(tied, "first"), (apart, "first"), (apart, "second")] {
        let index = try #require(trial.plan.table.index(of: "\(name).\(part)"))
        var span = trial.plan.table.slice(trial.plan.table.entries[index], in: trial.state.parameters).mutableFloats
        for i in span.indices { span[i] = 0.4 * RandomStream(seed: 2, purpose: .checking).normal(i) }
      }
    }
    tied.state.refreshBF16Weights()
    apart.state.refreshBF16Weights()
    let (a, b) = (tied.run(), apart.run())
    #expect(a.loss == b.loss && a.prediction == b.prediction)
    for part in ["weight", "bias"] {
      let (first, second) = (apart.gradient(of: "first.\(part)"), apart.gradient(of: "second.\(part)"))
      #expect(distance(tied.gradient(of: "first.\(part)"), zip(first, second).map(+)) < 1e-5)
    }
  }

  @Test func differentShapesCannotBeShared() throws {
    let graph = try graph(tied: true, units: 5)
    let error = #expect(throws: GraphError.self) { _ = try ParameterTable(graph) }
    #expect(error?.description == "model: second: shares first.weight, but as [5, 8] instead of [8, 8]")
  }
}
