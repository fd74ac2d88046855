import Kernels
import Testing

/// Rounding to bfloat16 changes learning curves less than another seed.
@Suite struct SpreadTests {
  /// Steps whose mean loss is compared.
  private static let window = 10

  private func windows(of losses: [Double]) -> [Double] {
    stride(from: 0, to: losses.count, by: Self.window).map { start in
      losses[start..<start + Self.window].reduce(0, +) / Double(Self.window)
    }
  }

  /// The same weights and data as PyTorch's run in float32, whose curve others of its runs differ from by the spread.
  @Test(arguments: ["float32", "bfloat16"]) func staysWithinTheNoiseOfSeeds(precision: String) async throws {
    guard precision == "float32" || OneDNN.supportsBFloat16 else { return }
    let golden = try GoldenCase(GoldenCase.folder.appending(path: "Spread/resnet-20.json"))
    let completed = try await Trial(
      json: golden.configuration(microBatches: 1).setting("training.precision=\(precision)"), samples: golden.samples(),
      prepare: golden.load
    ).run()
    #expect(completed.result.outcome == .finished && completed.losses.count == 60)
    let mine = windows(of: completed.losses.map(Double.init))
    let theirs = windows(of: golden.numbers("losses"))
    let others = golden.curves("others").map(windows(of:))
    try #require(others.count >= 8 && theirs.count == mine.count && others.allSatisfy { $0.count == mine.count })
    // The losses must decrease.
    #expect(theirs[theirs.count - 1] < 0.5 * theirs[0])
    var squares = 0.0
    for index in mine.indices {
      let values = others.map { $0[index] }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
      let share = (mine[index] - theirs[index]) / variance.squareRoot()
      squares += share * share
      #expect(abs(share) <= 1, "window \(index + 1): \(mine[index]), PyTorch \(theirs[index])")
    }
    let overall = (squares / Double(mine.count)).squareRoot()
    #expect(overall <= 0.5, "\(overall) of a seed's standard deviation")
  }
}
