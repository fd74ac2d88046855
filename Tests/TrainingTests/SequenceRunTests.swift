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

/// Language models give the same bits on any number of lanes and after resuming.
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

  /// Stops twice in the middle of an epoch, where a recurrent state is half way through its stream.
  @Test(arguments: SequenceRun.allCases, ["float32", "bfloat16"])
  func resumes(run: SequenceRun, precision: String) async throws {
    let json = try configuration(
      run.settings + ["training.precision=\(precision)", #"training.duration="37 steps""#, "training.ema.decay=0.9"])
    try await expectResumesInMidEpoch(json)
  }

  /// Equal windows and a model that does not learn: losses differ by the recurrent state alone.
  @Test func recurrentStatesChangeTheLoss() async throws {
    let scratch = try TemporaryFolder()
    let file = scratch.url.appending(path: "text.txt")
    try String(repeating: "abcdefgh\n", count: 120).write(to: file, atomically: true, encoding: .utf8)
    func losses(_ order: String, carries: Bool) async throws -> [Float] {
      try await Trial(
        json: configuration(
          #"data={"type":"text","files":"\#(file.path)","length":9,"batch_size":6,"order":"\#(order)","#
            + #""shuffle":false}"#,
          #"model={"type":"recurrent","cell":"lstm","units":16,"carry":\#(carries)}"#,
          "optimizer.learning_rate=1e-30", #"training.duration="2 epochs""#)
      ).run().losses
    }
    let stateful = try await losses("streams", carries: true)
    let steps = stateful.count / 2
    #expect(steps > 2 && stateful[0] != stateful[1])
    // A new epoch begins its streams anew.
    #expect(stateful[steps] == stateful[0] && stateful[steps + 1] == stateful[1])
    let stateless = try await losses("windows", carries: false)
    #expect(stateless.allSatisfy { $0 == stateless[0] } && stateless[0] == stateful[0])
  }

  /// Only encoder-decoders are judged by whole answers.
  @Test func answersAreJudgedAsAWhole() async throws {
    let quick = #"training.duration="2 steps""#
    let pairs = try await Trial(json: configuration(SequenceRun.encoderDecoder.settings + [quick])).run()
    let score = try #require(pairs.result.validation)
    #expect(score.exactMatch != nil && score.perplexity != nil)
    let text = try await Trial(json: configuration(SequenceRun.gpt.settings + [quick])).run()
    #expect(text.result.validation?.exactMatch == nil && text.result.validation?.perplexity != nil)
    let classes = try await Trial(json: configuration([quick])).run()
    #expect(classes.result.validation?.perplexity == nil)
  }
}
