import Kernels
import Models
import Tensors
import Testing

@Suite(.enabled(if: OneDNN.supportsBFloat16)) struct MixedPrecisionTests {
  @Test func theInputIsConvertedOnceAndTheHeadIsWide() throws {
    let graph = try network(mlp(#""activation": "relu", "residual": true"#))
    let mixed = try Trial(graph, .bfloat16)
    #expect(mixed.plan.conversions.map(\.field) == [0])
    #expect(mixed.plan.conversions.allSatisfy { $0.copy.type == .bfloat16 && $0.copy.count == 120 })
    #expect(mixed.plan.prediction.type == .float32)
    for step in mixed.plan.steps where step.name != "head" && step.name != "loss" {
      #expect(step.output.type == .bfloat16, "\(step.name)")
    }
    #expect(try Trial(graph).plan.conversions.isEmpty)
  }

  @Test(arguments: variedNetworks.indices) func isNearFloat32(_ index: Int) throws {
    let graph = try network(variedNetworks[index].model, input: variedNetworks[index].input)
    let (exact, mixed) = (try Trial(graph), try Trial(graph, .bfloat16))
    let (a, b) = (mixed.run(), exact.run())
    #expect(abs(a.loss.mean - b.loss.mean) < 0.03 * b.loss.mean)
    #expect(distance(a.prediction, b.prediction) < 0.05)
    for entry in exact.plan.table.entries {
      // A bias before a batch norm has no gradient but rounding.
      if exact.gradient(of: entry.name).allSatisfy({ abs($0) < 1e-5 }) { continue }
      #expect(distance(mixed.gradient(of: entry.name), exact.gradient(of: entry.name)) < 0.15, "\(entry.name)")
    }
  }

  @Test func activationsTakeHalfTheMemory() throws {
    let graph = try network(mlp(#""activation": "relu""#, depth: 10, width: 256), input: [64, 256])
    let ratio =
      Double(try Trial(graph, .bfloat16).plan.activationByteCount) / Double(try Trial(graph).plan.activationByteCount)
    #expect(ratio > 0.45 && ratio < 0.6)
  }

  /// A convolution reads weights that it packs from the masters.
  @Test func packedWeightsHaveNoBF16Copy() throws {
    let plan = try Trial(try network(convolutional, input: [6, 7, 6, 3]), .bfloat16).plan
    #expect(plan.table.entries.filter { $0.bf16WeightsOffset != nil }.map(\.name) == ["layers.8.weight"])
    let (steps, lanes) = (plan.steps.indices.filter { plan.steps[$0].preparedByteCount > 0 }, 3)
    let shares = plan.preparationShares(lanes: lanes)
    #expect(shares.count == lanes && shares.flatMap { $0 }.sorted() == steps && steps.count == 5)
    let byteCounts = shares.map { $0.reduce(0) { $0 + plan.steps[$1].preparedByteCount } }
    let largest = steps.map { plan.steps[$0].preparedByteCount }.max() ?? 0
    #expect((byteCounts.max() ?? 0) - (byteCounts.min() ?? 0) <= largest)
    #expect(byteCounts.reduce(0, +) <= plan.preparedByteCount)
  }

  @Test func bf16WeightsFollowTheWeights() throws {
    let trial = try Trial(try network(mlp(#""activation": "relu", "normalization": "layer""#)), .bfloat16)
    for entry in trial.plan.table.entries {
      guard let copy = trial.state.bf16Weights(of: entry) else {
        #expect(entry.shape.rank == 1)
        continue
      }
      let master = trial.plan.table.slice(entry, in: trial.state.parameters)
      #expect((0..<entry.count).allSatisfy { copy.value($0) == BFloat16(master.floats[$0]).float }, "\(entry.name)")
    }
    #expect(try Trial(try network(mlp(#""activation": "relu""#))).state.bf16Weights == nil)
  }
}
