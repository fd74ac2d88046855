import Checkpoints
import Data
import Diagnostics
import Foundation
import Models
import Runs
import TestSupport
import Testing

/// Probes, compared with differences of losses, known cases and evaluations.
@Suite(.serialized) struct SequenceProbeTests {
  private let scratch: TemporaryFolder
  private static let length = 12

  private static let models = [
    #"{"type":"transformer","layers":2,"heads":2,"width":16,"position":"rope","tied_head":false,"dropout":0.2,"#
      + #""initializer_deviation":0.4}"#,
    #"{"type":"transformer","layers":1,"heads":2,"width":16,"position":"none","tied_head":false,"#
      + #""initializer_deviation":0.4}"#,
    #"{"type":"recurrent","cell":"rnn","width":8,"units":12,"dropout":0.2}"#,
    #"{"type":"recurrent","cell":"lstm","width":8,"units":12}"#,
  ]

  init() throws {
    scratch = try TemporaryFolder()
    let text = (0..<90).map { "\($0) times \($0 % 5) is \($0 * ($0 % 5)).\n" }.joined()
    try Data(text.utf8).write(to: scratch.url.appending(path: "text.txt"))
  }

  /// A run of a few steps on bytes.
  private func run(_ model: String, _ name: String, _ overrides: String..., from: String? = nil) async throws
    -> StoredRun
  {
    let data =
      #"data={"type":"text","files":"\#(scratch.url.path)/text.txt","length":\#(Self.length),"batch_size":8,"#
      + #""validation_fraction":0.25}"#
    let folder = scratch.folder(name)
    _ = try await session(
      configuration([data, "model=\(model)", "training.duration=3 steps"] + overrides), folder,
      initialParameters: from)
    return try StoredRun(folder.path, say: { _ in })
  }

  @Test(arguments: models) func reachIsTheGradientOfTheLastLoss(model: String) async throws {
    let reach = try GradientReach(SequenceProbe(try await run(model, "run"), lanes: 1))
    // Different tokens, so that each vector of the embedding stands in one place.
    let tokens = (0..<Self.length).map { Int32(40 + 3 * $0) }
    let target: Int32 = 77
    let norms = reach.measure(tokens, target: target).norms
    let table = reach.state.table
    let embedding = try #require(table.entries.first { $0.name == "token_embedding.weight" })
    let width = embedding.shape[1]
    let difference: Float = 0.01
    for distance in [0, 1, 2, 5, Self.length - 1] {
      let row = Int(tokens[Self.length - 1 - distance])
      var square = 0.0
      for column in 0..<width {
        let place = row * width + column
        var losses: [Double] = []
        for sign: Float in [1, -1] {
          var vectors = table.slice(embedding, in: reach.state.parameters).mutableFloats
          let before = vectors[place]
          vectors[place] = before + sign * difference
          losses.append(reach.measure(tokens, target: target).loss)
          vectors[place] = before
        }
        let slope = (losses[0] - losses[1]) / Double(2 * difference)
        square += slope * slope
      }
      let expected = square.squareRoot()
      #expect(expected > 0)
      #expect(abs(norms[distance] - expected) < 0.03 * expected + 3e-4, "\(distance): \(norms[distance]), \(expected)")
    }
  }

  @Test func reachEndsWithoutRecurrentWeights() async throws {
    let probe = try SequenceProbe(try await run(Self.models[2], "run"), lanes: 1)
    let measured = try probe.reach()
    #expect(measured.norms.count == Self.length && measured.norms[0] == 1 && measured.norms[1] > 0)
    let reach = try GradientReach(probe)
    let table = reach.state.table
    let recurrent = try #require(table.entries.first { $0.name == "rnn.weight_hh_l0" })
    table.slice(recurrent, in: reach.state.parameters).zero()
    reach.adoptParameters()
    let norms = reach.measure((0..<Self.length).map { Int32(50 + $0) }, target: 60).norms
    #expect(norms[0] > 0 && norms.dropFirst().allSatisfy { $0 == 0 }, "\(norms)")
  }

  /// Windows of twice the length, compared with a run on such windows from the same parameters.
  @Test(arguments: [models[0], models[3]]) func longWindowsAreThoseOfALongerRun(model: String) async throws {
    let short = try await run(model, "short", "training.ema.decay=0.5")
    let file = scratch.url.appending(path: "parameters.safetensors")
    _ = try short.modelState(short.graph()).export(to: file, step: 3)
    for lanes in [1, 3] {
      let probe = try SequenceProbe(short, lanes: lanes)
      let once = try probe.loss(factor: 1)
      let own = try short.evaluate(split: "validation", lanes: 1)
      #expect(abs(try #require(once.loss) / own.score.loss - 1) < 1e-6 && once.lossBeyond == nil)
      let twice = try probe.loss(factor: 2)
      let long = try await run(
        model, "long\(lanes)", "data.length=\(2 * Self.length)", "training.duration=0 steps", from: file.path)
      let expected = try long.evaluate(split: "validation", lanes: 1).score.loss
      #expect(abs(try #require(twice.loss) / expected - 1) < 1e-6, "\(twice), \(expected)")
      #expect(twice.tokens == once.tokens && twice.loss != once.loss)
      // The second halves of the windows alone.
      let far = try #require(twice.lossBeyond)
      #expect(far > 0 && far != twice.loss)
    }
  }
}
