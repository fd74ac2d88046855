import Foundation
import Inference
import Testing

/// Decoding, with models of known logits.
struct DecodingTests {
  /// The tokens of each row.
  private func generate(
    _ model: FunctionModel, _ settings: SamplingSettings, prompt: [Int32] = [1], most: Int, first: Int = 0,
    end: Int32? = nil
  ) throws -> [[Int32]] {
    var texts = [[Int32]](repeating: [], count: model.rows)
    try SampleGeneration(model, settings, most: most).run(prompt: prompt, first: first) { row, token in
      texts[row].append(token)
      return token != end
    }
    return texts
  }

  @Test func greedyTakesTheLikeliest() throws {
    let model = FunctionModel(vocabulary: 4) { [0, 3, 3, Float($0.count) - 2] }
    #expect(try generate(model, .greedy, most: 7) == [[1, 1, 1, 1, 1, 3, 3]])
  }

  @Test(arguments: 1...20) func aBeamOfOneIsGreedy(seed: Int) throws {
    let greedy = try generate(.random(vocabulary: 7, seed: UInt64(seed)), .greedy, most: 12, end: 0)[0]
    let search = BeamSearch(FunctionModel.random(vocabulary: 7, seed: UInt64(seed)), lengthPenalty: 0.6, most: 12) {
      $0.last == 0
    }
    let found = try search.run(prompt: [1])
    #expect(found.count == 1 && found[0].tokens == greedy && found[0].isEnded == (greedy.last == 0))
  }

  /// Every continuation with Σ ln p, by plain recursion.
  private func everything(_ model: FunctionModel, _ prompt: [Int32], most: Int) -> [(tokens: [Int32], score: Double)] {
    func extend(_ tokens: [Int32], _ score: Double) -> [(tokens: [Int32], score: Double)] {
      if tokens.count == most || tokens.last == 0 { return [(tokens, score)] }
      model.restart()
      let logits = model.read([prompt + tokens]).map(Double.init)
      let sum = log(logits.reduce(0) { $0 + exp($1) })
      return logits.indices.flatMap { extend(tokens + [Int32($0)], score + logits[$0] - sum) }
    }
    return extend([], 0)
  }

  @Test(arguments: [0, 0.6, 2]) func aWideBeamIsExhaustive(alpha: Double) throws {
    let all = everything(.random(vocabulary: 3, seed: 5), [2, 1], most: 5)
    let expected = all.map { ($0.tokens, $0.score, $0.score / pow((5 + Double($0.tokens.count)) / 6, alpha)) }
      .sorted { $0.2 > $1.2 }
    let search = BeamSearch(
      FunctionModel.random(rows: expected.count, vocabulary: 3, seed: 5), lengthPenalty: alpha, most: 5
    ) { $0.last == 0 }
    let found = try search.run(prompt: [2, 1])
    #expect(found.map(\.tokens) == expected.map(\.0))
    for (hypothesis, (_, score, normalized)) in zip(found, expected) {
      #expect(abs(hypothesis.score - score) < 1e-9 && abs(hypothesis.normalizedScore - normalized) < 1e-9)
      #expect(hypothesis.isEnded == (hypothesis.tokens.last == 0))
    }
  }

  /// The likeliest first token has an unlikely continuation: a beam finds the better text.
  @Test func aBeamLooksAhead() throws {
    func model(_ rows: Int) -> FunctionModel {
      FunctionModel(rows: rows, vocabulary: 4) { history in
        switch history.last {
        case 1: [-9, -9, 1, 0.9]
        case 2: [0, 0, 0, 0]
        default: [9, -9, -9, -9]
        }
      }
    }
    let greedy = try generate(model(1), .greedy, most: 2)[0]
    let found = try BeamSearch(model(2), lengthPenalty: 0, most: 2) { _ in false }.run(prompt: [1])
    #expect(greedy == [2, 0] && found.map(\.tokens) == [[3, 0], [2, 0]])
  }

  @Test func drawsFollowTheDistribution() throws {
    let logits: [Float] = [0, 1, 2, -.infinity, 0.5]
    var settings = SamplingSettings()
    settings.temperature = 0.7
    settings.topK = nil
    let expected = logits.map { exp(Double($0) / 0.7) }
    var counts = [Int](repeating: 0, count: 5)
    let sampler = TokenSampler(settings)
    let draws = 20_000
    for index in 0..<draws { counts[Int(try sampler.token(logits[...], sample: 3, index: index))] += 1 }
    for (count, power) in zip(counts, expected) {
      let share = power / expected.reduce(0, +)
      #expect(
        abs(Double(count) / Double(draws) - share) < 4 * (share * (1 - share) / Double(draws)).squareRoot() + 1e-9)
    }
  }

  private func possible(_ logits: [Float], _ change: (inout SamplingSettings) -> Void) throws -> Set<Int32> {
    var settings = SamplingSettings()
    settings.temperature = 1
    settings.topK = nil
    change(&settings)
    let sampler = TokenSampler(settings)
    return Set(try (0..<3000).map { try sampler.token(logits[...], sample: 0, index: $0) })
  }

  @Test func unlikelyTokensAreCutOff() throws {
    // Probabilities 0.1, 0.4, 0.3, 0.2.
    let logits = [0.1, 0.4, 0.3, 0.2].map { Float(log($0)) }
    #expect(try possible(logits) { _ in } == [0, 1, 2, 3])
    #expect(try possible(logits) { $0.topK = 2 } == [1, 2])
    #expect(try possible(logits) { $0.topK = 99 } == [0, 1, 2, 3])
    #expect(try possible([1, 1, 1, 0]) { $0.topK = 2 } == [0, 1])
    #expect(try possible(logits) { $0.topP = 0.35 } == [1])
    #expect(try possible(logits) { $0.topP = 0.65 } == [1, 2])
    #expect(try possible(logits) { $0.topP = 0.75 } == [1, 2, 3])
    #expect(try possible(logits) { $0.topP = 1e-9 } == [1])
    // The first of the remaining two has 4/7.
    #expect(try possible(logits) { ($0.topK, $0.topP) = (2, 0.5) } == [1])
    #expect(try possible(logits) { ($0.topK, $0.temperature) = (3, 1e-3) } == [1])
  }

  @Test func repetitionIsPenalized() throws {
    var settings = SamplingSettings.greedy
    settings.repetitionPenalty = 2
    let sampler = TokenSampler(settings)
    #expect(try sampler.token([3, 2, 0][...], seen: [0], sample: 0, index: 0) == 1)
    #expect(try sampler.token([3, 1, 0][...], seen: [0], sample: 0, index: 0) == 0)
    #expect(try sampler.token([-1, -1.5, -9][...], seen: [0], sample: 0, index: 0) == 1)
    let model = FunctionModel(vocabulary: 3) { _ in [4, 3.5, 3] }
    #expect(try generate(model, settings, prompt: [0], most: 3) == [[1, 2, 0]])
  }

  @Test func aSampleDependsOnSeedAndNumberAlone() throws {
    var settings = SamplingSettings()
    settings.seed = 42
    let three = try generate(.random(rows: 3, vocabulary: 9), settings, most: 30)
    for number in 0..<3 {
      #expect(try generate(.random(vocabulary: 9), settings, most: 30, first: number)[0] == three[number])
    }
    #expect(Set(three).count == 3)
    settings.seed = 43
    #expect(try generate(.random(vocabulary: 9), settings, most: 30)[0] != three[0])
  }

  /// Ended rows do not change the others.
  @Test func rowsEndIndependently() throws {
    var settings = SamplingSettings()
    settings.seed = 4
    let rows = try generate(.random(rows: 4, vocabulary: 5), settings, most: 40, end: 0)
    for number in 0..<4 {
      #expect(try generate(.random(vocabulary: 5), settings, most: 40, first: number, end: 0)[0] == rows[number])
    }
    #expect(Set(rows.map(\.count)).count > 1)
  }

  @Test func fullContextsRestartFromTheirLastHalf() throws {
    let model = FunctionModel.random(vocabulary: 6, context: 8)
    let prompt: [Int32] = [1, 2, 3, 4, 5]
    let text = prompt + (try generate(model, .greedy, prompt: prompt, most: 12)[0])
    // The last token is not read. Eight are, then the last four, then four more, and so on.
    var expected: [[Int32]] = [[], prompt] + (5..<8).map { [text[$0]] }
    expected += [[], Array(text[5..<9])] + (9..<13).map { [text[$0]] }
    expected += [[], Array(text[10..<14])] + (14..<16).map { [text[$0]] }
    #expect(model.reads == expected)
    let answering = FunctionModel.random(vocabulary: 6, context: 8)
    answering.beginsAnswers = true
    _ = try generate(answering, .greedy, prompt: prompt, most: 12)
    let starts = zip(answering.reads, answering.reads.dropFirst()).filter { $0.0.isEmpty }.map { $0.1.first }
    #expect(starts.count > 1 && starts.allSatisfy { $0 == 1 })
    let full = FunctionModel.random(vocabulary: 6, context: 5)
    #expect(try generate(full, .greedy, prompt: prompt, most: 9)[0].count == 9)
    let one = FunctionModel.random(vocabulary: 6, context: 1)
    #expect(try generate(one, .greedy, most: 5)[0].count == 5)
  }

  @Test func brokenModelsAreRefused() {
    for (logits, words) in [
      ([0, .nan], ["token 1", "not a number"]), ([.infinity, 0], ["token 0", "infinite"]),
      ([-.infinity, -.infinity], ["no token"]),
    ] as [([Float], [String])] {
      for settings in [SamplingSettings.greedy, SamplingSettings()] {
        #expect {
          try generate(FunctionModel(vocabulary: 2) { _ in logits }, settings, most: 3)
        } throws: { error in
          words.allSatisfy { "\(error)".contains($0) }
        }
      }
      #expect(throws: (any Error).self) {
        try BeamSearch(FunctionModel(vocabulary: 2) { _ in logits }, lengthPenalty: 0, most: 3) { _ in false }
          .run(prompt: [1])
      }
    }
  }
}
