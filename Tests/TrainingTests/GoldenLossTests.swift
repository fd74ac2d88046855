import Configuration
import Foundation
import Metrics
import TestSupport
import Testing
import Training

/// The same weights and data as PyTorch give the same losses, norms and rates.
@Suite(.serialized) struct GoldenLossTests {
  @Test(arguments: try GoldenCase.all, [1, 2, 4])
  func trainsLikePyTorch(_ golden: GoldenCase, microBatches: Int) async throws {
    // Batch norm sees one micro-batch at a time, in PyTorch the whole batch.
    if golden.hasBatchNorm && microBatches > 1 { return }
    let scratch = try TemporaryFolder()
    let completed = try await Trial(
      json: golden.configuration(microBatches: microBatches), samples: golden.samples(), lanes: min(2, microBatches),
      folder: scratch.folder("run"), prepare: golden.load
    ).run()
    #expect(completed.result.outcome == .finished)
    let steps = completed.log.steps
    #expect(golden.tolerance("losses") == 1e-4)
    try expect(steps.map { Double($0.loss) }, golden, "losses")
    try expect(steps.map { Double($0.gradientNorm) }, golden, "gradient_norms")
    try expect(steps.map(\.learningRate), golden, "learning_rates")
    try expectFirstGradients(golden, scratch.folder("run"))
    try expectParameters(golden, completed.model)
  }

  private func expect(_ mine: [Double], _ golden: GoldenCase, _ key: String) throws {
    let theirs = golden.numbers(key)
    try #require(!theirs.isEmpty && mine.count == theirs.count, "\(key): \(mine.count) of \(theirs.count)")
    for (index, (a, b)) in zip(mine, theirs).enumerated() {
      expect(a, b, within: golden.tolerance(key), "\(key) of step \(index + 1)")
    }
  }

  private func expect(_ mine: Double, _ theirs: Double, scale: Double = 0, within tolerance: Double, _ name: String) {
    #expect(abs(mine - theirs) <= tolerance * max(abs(theirs), scale), "\(name): \(mine), PyTorch \(theirs)")
  }

  private func expectFirstGradients(_ golden: GoldenCase, _ folder: URL) throws {
    let log = try RunLog.read(folder: folder)
    let header = try #require(log.header)
    let norms = try #require(log.norms.first { $0.step == 1 })
    let mine = Dictionary(
      uniqueKeysWithValues: zip(header.tensors.map(\.name), norms.tensors.map { Double($0.gradientL2) }))
    let theirs = golden.numbersByName("first_gradient_norms")
    #expect(!theirs.isEmpty)
    let tolerance = golden.tolerance("first_gradient_norms")
    for (name, value) in theirs {
      expect(try #require(mine[name]), value, within: tolerance, "first gradient of \(name)")
    }
  }

  private func expectParameters(_ golden: GoldenCase, _ model: RunModel) throws {
    let table = model.table
    let values = Dictionary(
      uniqueKeysWithValues: table.entries.map { ($0.name, table.slice($0, in: model.state.parameters).array) })
    for (name, value) in golden.numbersByName("parameter_norms") {
      expect(
        try #require(values[name]).norm, value, within: golden.tolerance("parameter_norms"), "norm of \(name)")
    }
    let all = values.values.reduce(0) { $0 + $1.norm * $1.norm }.squareRoot()
    expect(
      all, try #require(golden.number("parameter_norm")), within: golden.tolerance("parameter_norm"),
      "norm of all parameters")
    for (name, theirs) in golden.elementsByName("running_statistics") {
      let buffer = try #require(table.buffers.first { $0.name == name })
      let mine = table.slice(buffer, in: model.state.buffers).array
      try #require(mine.count == theirs.count)
      let scale = (theirs.reduce(0) { $0 + $1 * $1 } / Double(theirs.count)).squareRoot()
      let tolerance = golden.tolerance("running_statistics")
      for (a, b) in zip(mine, theirs) { expect(Double(a), b, scale: scale, within: tolerance, name) }
    }
  }
}
