import Checkpoints
import Configuration
import Data
import Foundation
import Inference
import JSON
import Metrics
import Runs
import Tensors

/// A run from the command line's point of view: a configuration, a folder, and a place to start.
package struct TrainingSession: Sendable {
  package enum Mode: Sendable { case new, resume, fresh }

  package let folder: RunFolder
  package let model: RunModel
  package let start: TrainingRun.Start
  package let stopRequest = StopRequest()

  /// Makes everything ready: refuses before anything is written or a step is made.
  ///
  /// - Parameters:
  ///   - json: the configuration with "extends" and overrides applied.
  ///   - initialParameters: a checkpoint or safetensors file to start from.
  ///   - say: told what a person should know.
  package static func prepare(
    _ json: JSON, runDirectory: String?, mode: Mode, initialParameters: String? = nil, lanes: Int,
    say: (String) -> Void
  ) throws -> TrainingSession {
    let given = try RunConfiguration(json)
    let url = RunFolder.url(name: given.name, override: runDirectory)
    if mode == .resume { return try resume(given, url, lanes: lanes, say: say) }
    if mode == .new { try RunFolder.refuseTaken(url) }
    let configuration = try given.resolvingMicroBatches()
    let data = try configuration.openData(say: say)
    let plan = try RunPlan(configuration, data: data, lanes: lanes)
    try plan.checkFields()
    try plan.checkPools()
    if json["checkpoints"]?["keep_best"]?.integer == 1, !data.splits.validation.isEmpty, !plan.savesEvaluated {
      say("checkpoints.keep_best: only the last step is both evaluated and saved, and will be the best")
    }
    try RunEstimate(plan).check(folder: url)
    let model = RunModel(plan)
    model.initialize()
    if let initialParameters { try model.load(parametersFrom: URL(fileURLWithPath: initialParameters)) }
    // Only now: whatever is wrong with the input leaves no folder behind and moves no older run aside.
    let folder = try RunFolder.create(
      url, given: json, resolved: configuration.resolved, isFresh: mode == .fresh,
      initialParameters: initialParameters.map { URL(fileURLWithPath: $0).path }, say: say)
    if let initialParameters { say("started from the parameters in \(initialParameters)") }
    return TrainingSession(
      folder: folder, model: model,
      start: .init(
        state: RunState(startOf: configuration), isResumed: false, initialParameters: folder.initialParameters))
  }

  private static func resume(
    _ given: RunConfiguration, _ url: URL, lanes: Int, say: (String) -> Void
  ) throws -> TrainingSession {
    let folder = try RunFolder.open(url)
    let stored = try RunConfiguration(folder.resolved)
    let configuration = try stored.adopting(given)
    guard let checkpoint = try folder.checkpoints.newestGood(report: say) else {
      guard try folder.checkpoints.all().isEmpty else {
        throw RunError("\(url.relativePath): no good checkpoint to go on from; start over with --fresh")
      }
      return try startAgain(folder, stored, configuration, lanes: lanes, say: say)
    }
    let carried = try checkpoint.metadata.standardization(of: checkpoint.url)
    try folder.requireOwn(checkpoint)
    let data = try configuration.openData(standardization: carried, say: say)
    try checkpoint.metadata.checkTokenizer(data, of: checkpoint.url)
    try checkpoint.metadata.checkClasses(data, of: checkpoint.url)
    try checkpoint.metadata.checkFingerprint(data, of: checkpoint.url)
    let plan = try RunPlan(configuration, data: data, lanes: lanes)
    try RunEstimate(plan).check(folder: url)
    let adopted = try adopt(configuration, folder, stored, say: say)
    let model = RunModel(plan)
    let metadata = try CheckpointFile.read(at: checkpoint.url, into: model.checkpointTensors)
    model.state.refreshBF16Weights()
    var state = try metadata.runState(of: checkpoint.url)
    let writer = try metadata.configuration(of: checkpoint.url)
    try state.judgeAgain(by: configuration, after: writer, in: folder.checkpoints)
    if let build = metadata.build, build != BuildInfo.text {
      say("the checkpoint was made by \(build), this is \(BuildInfo.text): the last bits may differ from here on")
    }
    say(
      state.step < plan.totalSteps
        ? "going on after step \(state.step) from \(checkpoint.url.lastPathComponent)"
        : "the run is finished at step \(state.step); a longer training.duration would go on with it")
    if let note = model.plan.rateChange(after: state, writer: writer) { say(note) }
    return TrainingSession(
      folder: adopted, model: model,
      start: .init(state: state, isResumed: true, initialParameters: folder.initialParameters))
  }

  /// Writes down what the resumed run changes of its configuration.
  private static func adopt(
    _ configuration: RunConfiguration, _ folder: RunFolder, _ stored: RunConfiguration, say: (String) -> Void
  ) throws(RunError) -> RunFolder {
    guard let change = configuration.resolved.firstDifference(from: stored.resolved) else { return folder }
    say("the run goes on with the changed \(change)")
    return try folder.replacingConfiguration(configuration.resolved)
  }

  /// Starts a run that was stopped before its first checkpoint at its first step again.
  private static func startAgain(
    _ folder: RunFolder, _ stored: RunConfiguration, _ configuration: RunConfiguration, lanes: Int,
    say: (String) -> Void
  ) throws -> TrainingSession {
    let data = try configuration.openData(say: say)
    let plan = try RunPlan(configuration, data: data, lanes: lanes)
    try RunEstimate(plan).check(folder: folder.url)
    let adopted = try adopt(configuration, folder, stored, say: say)
    let model = RunModel(plan)
    model.initialize()
    if let file = folder.initialParameters { try model.load(parametersFrom: URL(fileURLWithPath: file)) }
    say("the run was stopped before its first checkpoint: it starts again at its first step")
    return TrainingSession(
      folder: adopted, model: model,
      start: .init(
        state: RunState(startOf: configuration), isResumed: true, initialParameters: folder.initialParameters))
  }

  /// One line about what is about to run.
  package var headline: String {
    let plan = model.plan
    let configuration = plan.configuration
    return "\(configuration.name): \(configuration.modelKind), \(plan.table.parameterCount) parameters, "
      + "\(plan.data.splits.training.count) samples to train on, \(plan.totalSteps) steps of \(plan.batchSize) "
      + "(\(plan.tree.microBatches) micro-batches, \(plan.tree.lanes) lanes, \(configuration.training.precision.rawValue))"
  }

  package func run(
    profile: StepProfile? = nil, progress: @escaping @Sendable (RunProgress) -> Void
  ) async throws -> TrainingRun.Result {
    try await TrainingRun(
      model: model, folder: folder.url, start: start, stopRequest: stopRequest, profile: profile, progress: progress
    ).run()
  }

  /// What `run` fills where somebody wants to know where the time goes.
  package func makeProfile() -> StepProfile { StepProfile(model.plan, from: start.state.step) }

  /// Writes a profile into the run folder.
  ///
  /// - Returns: where it is, and what it comes to; nil when the run ended before anything was noted.
  package func keepProfile(_ profile: StepProfile) throws(RecordsError) -> (file: URL, summary: ProfileSummary)? {
    guard let summary = ProfileSummary(profile, model.plan) else { return nil }
    let file = folder.url.appending(path: ChromeTrace.fileName)
    try profile.write(to: file, model.plan)
    return (file, summary)
  }

  /// Keeps in the run folder what the run's last evaluation found out about a classifier.
  package func keepEvaluation(_ result: TrainingRun.Result) throws(RecordsError) {
    guard let record = result.evaluation?.record(of: model.plan) else { return }
    try EvaluationFile.write(record, to: folder.url)
  }

  /// What a script wants to know of a finished run.
  ///
  /// - Parameter log: the run's records, which know what a session that had nothing left to do does not.
  package func summary(_ result: TrainingRun.Result, _ log: RunLog, _ profile: ProfileSummary? = nil) -> JSON {
    let hasPlayed = result.state.step > start.state.step
    let loss = hasPlayed ? result.loss : log.steps.last.map { Double($0.loss) }
    var members: [(String, JSON)] = [
      ("run", .string(folder.url.relativePath)), ("step", .integer(result.state.step)),
      ("loss", loss.map { .number($0) } ?? .null),
    ]
    let recorded = log.validations.last { $0.split == "validation" }.map { SplitScore($0, of: model.plan) }
    if let validation = result.validation ?? recorded {
      members.append(("validation", .object(validation.json)))
    }
    members += [
      ("gradient_flow", .string(log.gradientFlow.verdict.rawValue)),
      ("parameters_digest", .string(model.parametersDigest)),
      ("seconds", .number(result.state.seconds)),
      ("skipped_samples", model.data.skipped?.json ?? .null),
    ]
    if let profile { members.append(("profile", profile.json)) }
    let stall = result.checkpointStall
    if stall.count > 0 {
      members.append(
        (
          "checkpoints",
          .object([
            ("count", .integer(stall.count)), ("stall_ms", .number(1e3 * stall.seconds / Double(stall.count))),
            ("stall_share", .number(stall.seconds / result.sessionSeconds)),
          ])
        ))
    }
    return .object(members)
  }
}
