import Data
import Formats
import Foundation
import Inference
import JSON
import Metrics
import Runs
import Tensors
import TestSupport
import Testing
import Training

@Suite struct ClassJudgementTests {
  private func judgement(_ logits: [Float], _ target: Int) -> ClassJudgement {
    ClassJudgement(logits: logits.span, target: target)
  }

  @Test func agreesWithSoftmax() {
    let stream = RandomStream(seed: 4, purpose: .checking)
    for row in 0..<200 {
      let classes = 2 + row % 11
      let logits = (0..<classes).map { 6 * stream.normal(row * 16 + $0) }
      let target = row % classes
      let powers = logits.map { exp(Double($0)) }
      let sum = powers.reduce(0, +)
      let found = judgement(logits, target)
      let order = logits.indices.sorted { logits[$0] > logits[$1] }
      #expect(Int(found.predicted) == order[0] && Int(found.target) == target)
      #expect(Int(found.rank) == order.firstIndex(of: target))
      #expect(abs(Double(found.probability) - powers[order[0]] / sum) < 1e-6)
      #expect(abs(Double(found.targetProbability) - powers[target] / sum) < 1e-6)
      #expect(abs(Double(found.loss) + log(powers[target] / sum)) < 1e-5)
    }
  }

  @Test func theFirstOfEqualLogitsWins() {
    #expect(judgement([1, 3, 3, 3], 1).rank == 0 && judgement([1, 3, 3, 3], 1).predicted == 1)
    #expect(judgement([1, 3, 3, 3], 3).rank == 2 && judgement([1, 3, 3, 3], 3).predicted == 1)
    #expect(judgement([0, 0], 1).loss == Float(log(2.0)))
  }

  @Test func extremesStayInRange() {
    let sure = judgement([-1e30, 1e30], 0)
    #expect(sure.predicted == 1 && sure.probability == 1 && sure.targetProbability == 0 && sure.loss > 1e30)
    #expect(judgement([88, -400], 1).loss == 488)
    for logits: [Float] in [[.nan, 1], [1, .nan], [.nan, .nan]] {
      for target in 0..<2 { #expect(judgement(logits, target).rank == 1, "\(logits)") }
    }
    #expect(judgement([1, 2], -1) == ClassJudgement())
  }
}

/// The record of a classifier's last evaluation.
@Suite(.serialized) struct EvaluationRecordTests {
  private func keptRecord(of completed: CompletedRun) -> EvaluationRecord? {
    completed.result.evaluation?.record(of: completed.model.plan)
  }

  @Test func addsUpToTheValidation() async throws {
    let completed = try await Trial(json: configuration("training.ema.decay=0.9"), lanes: 2).run()
    let record = try #require(keptRecord(of: completed))
    let validation = try #require(completed.log.validations.last)
    #expect(record.step == 20 && record.split == "validation" && record.run == "test" && record.isEMA)
    #expect(record.loss == validation.loss && record.count == 37 && Float(record.accuracy) == validation.accuracy)
    #expect(record.confusion.reduce(0, +) == 37 && record.confusion.count == 16)
    #expect(record.classes == ["0", "1", "2", "3"])
    #expect((0..<4).reduce(0) { $0 + record.confusion[5 * $1] } == record.correct)
    #expect(record.topCorrect == nil)
    #expect(record.mistakes.count == min(Evaluation.keptMistakes, 37 - record.correct))
    let losses = record.mistakes.map(\.loss)
    #expect(losses == losses.sorted(by: >))
    let split = completed.model.data.splits.validation
    let samples = Set((0..<split.count).map { split[$0] })
    #expect(record.mistakes.allSatisfy { samples.contains($0.sample) && $0.target != $0.predicted })
    #expect(record.mistakes.allSatisfy { $0.picture.isEmpty })
    #expect(Set(record.mistakes.map(\.sample)).count == record.mistakes.count)
  }

  /// Neither lanes nor the batch size change a judgement.
  @Test(arguments: ["float32", "bfloat16"]) func doesNotDependOnLanes(precision: String) async throws {
    let settings = ["training.precision=\(precision)", "data.classes=9", "data.count=700", "data.validation_count=201"]
    let alone = try #require(keptRecord(of: try await Trial(json: configuration(settings)).run()))
    #expect(alone.topCorrect.map { $0 >= alone.correct && $0 < 201 } == true)
    for lanes in [2, 3, 5] {
      let together = try await Trial(json: configuration(settings), lanes: lanes).run()
      #expect(keptRecord(of: together) == alone, "\(lanes) lanes")
    }
  }

  /// bfloat16 predictions are judged too.
  @Test func bfloat16Predictions() async throws {
    let model = #"""
      model={"type":"layers","layers":[{"type":"linear","units":4},{"type":"activation","function":"relu"}]}
      """#
    let completed = try await Trial(json: configuration(model, "training.precision=bfloat16")).run()
    let record = try #require(keptRecord(of: completed))
    #expect(Float(record.accuracy) == completed.log.validations.last?.accuracy)
  }

  @Test func onlyTheLastEvaluationJudges() async throws {
    let settings = [#"training.validate_every="5 steps""#]
    var trial = Trial(json: try configuration(settings))
    #expect(keptRecord(of: try await trial.run())?.step == 20)
    trial.stopAfter = 12
    let stopped = try await trial.run()
    #expect(stopped.log.validations.map(\.step) == [5, 10])
    #expect(stopped.result.validation != nil && keptRecord(of: stopped) == nil)
  }

  @Test func earlyStoppingJudgesTheLastEvaluation() async throws {
    let json = try configuration(
      #"training.validate_every="3 steps""#, #"training.duration="60 steps""#,
      #"training.early_stopping={"patience": 2, "min_delta": 5}"#)
    let completed = try await Trial(json: json).run()
    #expect(completed.result.outcome == .stoppedEarly)
    #expect(keptRecord(of: completed)?.step == completed.result.state.step)
  }

  @Test func valuesAreNotJudged() async throws {
    let lines = (0..<80).map { "\($0 % 7),\($0 % 5)\n" }.joined()
    let scratch = try TemporaryFolder()
    let file = scratch.url.appending(path: "line.csv")
    try Data(("x,y\n" + lines).utf8).write(to: file)
    let completed = try await Trial(
      json: configuration(
        #"data={"type":"csv","file":"\#(file.path)","task":"regression","target":"y","batch_size":8}"#,
        #"loss={"type":"mse"}"#, "training.micro_batches=1")
    ).run()
    #expect(completed.result.validation != nil && keptRecord(of: completed) == nil)
  }

  @Test func runFoldersKeepTheRecord() async throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.folder("run")
    let session = try TrainingSession.prepare(
      configuration(), runDirectory: folder.path, mode: .new, lanes: 2, say: { _ in })
    let result = try await session.run { _ in }
    try session.keepEvaluation(result)
    let kept = try #require(try RunLog.read(folder: folder).evaluations.first)
    let stored = try StoredRun(folder.path, say: { _ in })
    #expect(stored.isInRunFolder)
    #expect(try stored.evaluate(split: "validation", lanes: 3).record == kept)
    #expect(try stored.evaluate(split: "train", lanes: 1).record?.count == 263)
  }
}
