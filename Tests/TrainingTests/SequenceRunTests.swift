import Configuration
import Foundation
import JSON
import TestSupport
import Testing

/// Language models on text and on pairs: with dropout, memory of what came before, padding.
enum SequenceRun: String, CaseIterable, Sendable {
  case gpt, llama, lstm, gru
  case encoderDecoder = "encoder_decoder"

  /// Overrides of the small configuration; the text is this file's.
  var settings: [String] {
    let text = #"data={"type":"text","files":"\#(#filePath)","length":9,"batch_size":12,"validation_fraction":0.1"#
    switch self {
    case .gpt:
      return [
        "\(text)}",
        #"model={"type":"transformer","layers":2,"heads":2,"width":16,"dropout":0.1,"position":"relative"}"#,
      ]
    case .llama:
      return [
        "\(text)}",
        #"model={"type":"transformer","preset":"llama","layers":1,"heads":4,"kv_heads":2,"width":32,"dropout":0.1}"#,
      ]
    case .lstm:
      return [
        #"\#(text),"order":"streams"}"#,
        #"model={"type":"recurrent","cell":"lstm","units":16,"layers":2,"dropout":0.1,"carry":true}"#,
      ]
    case .gru:
      return [#"\#(text),"order":"streams"}"#, #"model={"type":"recurrent","cell":"gru","units":12,"carry":true}"#]
    case .encoderDecoder:
      return [
        #"data={"type":"sequence_task","task":"sort","count":400,"length":7,"batch_size":12,"validation_count":37}"#,
        #"model={"type":"encoder_decoder","layers":1,"heads":2,"width":16,"dropout":0.1,"position":"sinusoidal"}"#,
      ]
    }
  }
}

/// What holds for every run holds for sequences, whose state lives on from batch to batch.
@Suite(.serialized) struct SequenceRunTests {
  @Test(arguments: SequenceRun.allCases, ["float32", "bfloat16"])
  func lanesChangeNoBit(run: SequenceRun, precision: String) async throws {
    let json = try configuration(
      run.settings + [
        "training.precision=\(precision)", "training.micro_batches=3", #"training.duration="20 steps""#,
        #"training.validate_every="7 steps""#,
      ])
    try await expectEqualLanes(json, steps: 20)
  }

  /// Stops twice in the middle of an epoch, where a carried state is half way through its stream.
  @Test(arguments: SequenceRun.allCases, ["float32", "bfloat16"])
  func goesOn(run: SequenceRun, precision: String) async throws {
    let json = try configuration(
      run.settings + ["training.precision=\(precision)", #"training.duration="37 steps""#, "training.ema.decay=0.9"])
    try await expectGoesOnInMidEpoch(json)
  }

  /// Windows of one text over and over, and a model that does not learn: only a carried state tells them apart.
  @Test func carriedStateCounts() async throws {
    let scratch = try TemporaryFolder()
    let file = scratch.url.appending(path: "text.txt")
    try String(repeating: "abcdefgh\n", count: 120).write(to: file, atomically: true, encoding: .utf8)
    func losses(_ order: String, carries: Bool) async throws -> [Float] {
      try await Trial(
        json: configuration(
          #"data={"type":"text","files":"\#(file.path)","length":9,"batch_size":6,"order":"\#(order)","shuffle":false}"#,
          #"model={"type":"recurrent","cell":"lstm","units":16,"carry":\#(carries)}"#,
          "optimizer.learning_rate=1e-30", #"training.duration="2 epochs""#)
      ).play().losses
    }
    let carried = try await losses("streams", carries: true)
    let steps = carried.count / 2
    #expect(steps > 2 && carried[0] != carried[1])
    // A new epoch begins its streams anew.
    #expect(carried[steps] == carried[0] && carried[steps + 1] == carried[1])
    let forgotten = try await losses("windows", carries: false)
    #expect(forgotten.allSatisfy { $0 == forgotten[0] } && forgotten[0] == carried[0])
  }

  /// Only a model that answers a source with a target is judged by whole answers.
  @Test func answersAreJudgedAsAWhole() async throws {
    let quick = #"training.duration="2 steps""#
    let pairs = try await Trial(json: configuration(SequenceRun.encoderDecoder.settings + [quick])).play()
    let score = try #require(pairs.result.validation)
    #expect(score.exactMatch != nil && score.perplexity != nil)
    let text = try await Trial(json: configuration(SequenceRun.gpt.settings + [quick])).play()
    #expect(text.result.validation?.exactMatch == nil && text.result.validation?.perplexity != nil)
    let classes = try await Trial(json: configuration([quick])).play()
    #expect(classes.result.validation?.perplexity == nil)
  }
}
