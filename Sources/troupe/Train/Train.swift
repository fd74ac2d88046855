import ArgumentParser
import Configuration
import Foundation
import Metrics
import Reports
import Runs
import Training

struct Train: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model into a run folder: checkpoints, metrics, TensorBoard events, a report.",
    discussion: """
      Examples:
        troupe train Configs/mlp-relu.json
        troupe train Configs/mlp-relu.json --set optimizer.learning_rate=3e-4 --fresh
        troupe train Configs/mlp-relu.json --set training.duration="2 epochs"
        troupe train Configs/mlp-relu.json --resume --lanes 1
        troupe train mnist.json --init-from glyphs.safetensors --run-dir runs/tuned
        troupe train Configs/mlp-relu.json --find-learning-rate
        troupe train Configs/mlp-relu.json --profile

      Ctrl-C saves a checkpoint and stops; a second one stops at once. So do SIGTERM,
      and without the second SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU and SIGXFSZ, unless
      they were ignored from the start, as by nohup.
      """)

  @OptionGroup var source: ConfigurationOptions
  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  @Flag(help: "Resume the run from its newest good checkpoint.")
  var resume = false

  @Flag(help: "Start over; an older run of the same name is kept under another name.")
  var fresh = false

  @Option(
    help: "Start from the parameters of a checkpoint (.h5) or of a safetensors file.", completion: .file(),
    transform: expandingTilde)
  var initFrom: String?

  @Option(help: "The run folder, instead of checkpoints/NAME.", completion: .directory, transform: expandingTilde)
  var runDir: String?

  @Option(help: "Save and pause after \"2 epochs\" or \"500 steps\"; --resume continues to the same bits.")
  var stopAfter: String?

  @Flag(help: "Try rates from 1e-7 to 10 in one short run and suggest one; train nothing.")
  var findLearningRate = false

  @Flag(help: "Write the time of each layer in 20 steps to trace.json in the run folder, for Perfetto.")
  var profile = false

  @OptionGroup var placement: PlacementOptions

  func validate() throws {
    if let stopAfter {
      try require(
        TrainingDuration(text: stopAfter) != nil, "--stop-after \(stopAfter)",
        "a duration such as \"2 epochs\" or \"500 steps\"")
    }
    if findLearningRate && (resume || fresh || profile || stopAfter != nil) {
      throw ValidationError("--find-learning-rate trains nothing; drop --resume, --fresh, --profile and --stop-after")
    }
    if resume && fresh { throw ValidationError("--resume and --fresh exclude each other") }
    if resume && initFrom != nil {
      throw ValidationError("--resume already says where the parameters come from; drop --init-from")
    }
  }

  /// One lane per core of --cores unless --lanes says otherwise.
  var laneCount: Int { lanes.lanes ?? placement.coreCount ?? lanes.count }

  func run() async throws {
    if findLearningRate { return try await searchRate() }
    try await reportingFailures(overrides: source.overrides) {
      let output = json.output
      try placement.apply()
      let session = try TrainingSession.prepare(
        source.json(), runDirectory: runDir, mode: resume ? .resume : fresh ? .fresh : .new,
        initialParameters: initFrom, lanes: laneCount, say: output.say)
      if let duration = stopAfter.flatMap({ TrainingDuration(text: $0) }) {
        session.stopRequest.pause(afterStep: duration.steps(perEpoch: session.model.plan.stepsPerEpoch))
      }
      placement.stopAtEndOfInput(session.stopRequest)
      let meter = ProgressMeter(output: output)
      let watch = SignalWatch(session.stopRequest) { signal in
        let repeated = signal == SIGTERM ? "the signal again" : signal == SIGINT ? "Ctrl-C again" : "Ctrl-C"
        meter.say("stopping after this step to save a checkpoint; \(repeated) stops at once")
      }
      defer { withExtendedLifetime(watch) {} }
      output.say(session.headline)
      let profile = profile ? session.makeProfile() : nil
      let result = try await session.run(profile: profile) { meter.show($0) }
      meter.finish()
      try finish(session, result, profile, output)
    }
  }

  private func finish(
    _ session: TrainingSession, _ result: TrainingRun.Result, _ profile: StepProfile?, _ output: Output
  ) throws {
    let folder = session.folder.url
    let evaluation = Result { () throws(RecordsError) in try session.keepEvaluation(result) }
    let log = (try? RunLog.read(folder: folder)) ?? RunLog(folder: folder, name: folder.lastPathComponent)
    let report = Result { () throws(RecordsError) in
      try Report.write(runs: [log], to: folder.appending(path: "report.html"))
    }
    let flow = log.gradientFlow
    if !flow.sentence.isEmpty {
      output.say("gradient flow: \(flow.verdict.rawValue.spaced). \(flow.sentence)")
      if !flow.advice.isEmpty { output.say("  \(flow.advice)") }
    }
    let profiled = Result { () throws(RecordsError) in
      guard let profile else { return nil as (file: URL, summary: ProfileSummary)? }
      return try session.keepProfile(profile)
    }
    switch profiled {
    case .success(let kept?):
      for line in ProfileTable.lines(of: kept.summary) { output.say(line) }
      output.say("profile: \(kept.file.relativePath) (open it at https://ui.perfetto.dev)")
    case .success(nil):
      if profile != nil { output.say("profile: the run ended before a step was measured") }
    case .failure(let error): Output.note("troupe: \(error)")
    }
    output.say("run folder: \(session.folder.url.relativePath) (report.html, metrics.jsonl, checkpoints)")
    output.result(session.summary(result, log, (try? profiled.get())?.summary))
    switch result.outcome {
    // An error of the records must not hide how the run itself ended.
    case .finished, .stoppedEarly:
      try evaluation.get()
      try report.get()
      _ = try profiled.get()
    case .paused:
      Output.note("troupe: paused and saved after step \(result.state.step); continue with --resume")
      throw ExitCode(75)
    case .interrupted(let signal):
      Output.note(
        "troupe: stopped by \(signalName(signal)), saved after step \(result.state.step); continue with --resume")
      throw ExitCode(128 + signal)
    case .diverged(let reason): throw CommandFailure(reason, 3)
    case .failed(let reason): throw CommandFailure(reason)
    }
  }
}
