import Foundation
import Inference
import JSON
import Runs

/// Judgements of classifiers on the images of a diffusion model.
extension Evaluate {
  static let defaultCount = 1000
  static let mostImages = 100_000

  func judgeImages(_ stored: StoredRun) throws {
    guard stored.configuration.data.diffusion != nil else {
      throw CommandFailure(
        "--classifier is for diffusion models, and \(stored.configuration.name) is none; leave it out", 2)
    }
    let count = count ?? Self.defaultCount
    guard (PrecisionRecall.neighbors + 1...Self.mostImages).contains(count) else {
      throw CommandFailure(
        "--count \(count): expected \(PrecisionRecall.neighbors + 1) to \(Self.mostImages)", 2)
    }
    let model = try DiffusionModel(stored)
    let settings = try process.settings(seed: seed, of: model.settings.schedule.steps)
    let classifiers = try classifier.map { path in
      try FeatureClassifier(StoredRun(path, .newest, say: json.output.say))
    }
    let requests = try model.condition.requests(classes: [], prompts: [], from: .commandLine)
    try SampleJudgement.check(classifiers, model, requests)
    let real = try SampleJudgement.RealImages(
      stored, split: split, atLeast: count, allowsOtherData: otherData)
    if let skipped = real.skipped { json.output.say(skipped.description) }
    let meter = DrawingMeter()
    let start = ContinuousClock.now
    let drawing = try model.draw(
      (0..<count).map { requests[$0 % requests.count].tokens }, settings, rows: process.rows, lanes: lanes.count,
      progress: meter.show)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    meter.finish()
    let judgement = try SampleJudgement(
      drawing, requests, isConditional: model.condition.none != nil, classifiers, real: real, lanes: lanes.count)
    report(judgement, settings, steps: settings.stepCount(of: model.settings.schedule), seconds: seconds, stored)
  }

  private func report(
    _ judgement: SampleJudgement, _ settings: SamplerSettings, steps: Int, seconds: Double, _ stored: StoredRun
  ) {
    let count = judgement.count
    func share(_ part: Int, _ whole: Int) -> String {
      String(format: "%.1f%%", 100 * Double(part) / Double(max(1, whole)))
    }
    json.output.say(
      String(
        format: "%@ at step %d: %d images (%@, %d steps, guidance %g) in %.1f s", stored.configuration.name,
        stored.state.step, count, settings.kind.rawValue, steps, settings.guidance, seconds))
    for verdict in judgement.verdicts {
      let name = verdict.classifier.run.configuration.name
      if let recognized = verdict.recognized {
        json.output.say(
          "\(name): \(share(recognized, count)) are recognized as their class (\(recognized) of \(count))")
        let worst = judgement.requests.indices.sorted {
          (verdict.recognizedOfRequests[$0], $0) < (verdict.recognizedOfRequests[$1], $1)
        }.prefix(Self.listedRequests)
        json.output.say(
          "  the hardest: "
            + worst.map {
              judgement.requests[$0].text + " "
                + share(verdict.recognizedOfRequests[$0], judgement.countsOfRequests[$0])
            }.joined(separator: ", "))
      }
      let quality = verdict.precisionRecall
      json.output.say(
        String(
          format: "  Fréchet distance in the features of %@ (%d, before %@): %.4g; precision %.3f, recall %.3f"
            + " (k = %d), against %d images of the %@ split",
          name, verdict.classifier.featureCount, verdict.classifier.layer, verdict.frechetDistance,
          quality.precision, quality.recall, PrecisionRecall.neighbors, judgement.realCount, judgement.split))
    }
    if judgement.verdicts.count > 1, let all = judgement.recognizedByAll {
      json.output.say("all right: \(share(all, count)) (\(all) of \(count))")
    }
    json.output.result(
      .object([
        ("run", .string(source.run)), ("step", .integer(stored.state.step)), ("count", .integer(count)),
        ("sampler", .string(settings.kind.rawValue)), ("steps", .integer(steps)),
        ("guidance", .number(settings.guidance)), ("seed", .string(String(settings.seed))),
        ("split", .string(judgement.split)), ("real_count", .integer(judgement.realCount)),
        ("all_right", judgement.recognizedByAll.map { .number(Double($0) / Double(count)) } ?? .null),
        ("classifiers", .array(judgement.verdicts.map { json(of: $0, judgement) })), ("seconds", .number(seconds)),
      ]))
  }

  private static let listedRequests = 5

  private func json(of verdict: SampleJudgement.Verdict, _ judgement: SampleJudgement) -> JSON {
    .object([
      ("name", .string(verdict.classifier.run.configuration.name)), ("layer", .string(verdict.classifier.layer)),
      ("features", .integer(verdict.classifier.featureCount)),
      ("recognized", verdict.recognized.map { .number(Double($0) / Double(judgement.count)) } ?? .null),
      (
        "recognized_by_condition",
        .object(
          zip(judgement.requests, zip(verdict.recognizedOfRequests, judgement.countsOfRequests)).map {
            request, counts in (request.text, .number(Double(counts.0) / Double(max(1, counts.1))))
          })
      ),
      ("frechet_distance", .number(verdict.frechetDistance)),
      ("precision", .number(verdict.precisionRecall.precision)),
      ("recall", .number(verdict.precisionRecall.recall)),
    ])
  }
}
