import Checkpoints
import Configuration
import Data
import Files
import Foundation
import JSON
import Metrics
import Runs
import Synchronization
import Tensors
import Training

/// A small model on noise: 263 samples to train on, ten steps per epoch, 37 to validate.
func configuration(_ overrides: String...) throws -> JSON { try configuration(overrides) }

func configuration(_ overrides: [String]) throws -> JSON {
  let base = """
    {
      "name": "test", "seed": 3,
      "data": {"type": "noise", "count": 300, "shape": [12], "classes": 4, "batch_size": 24, "validation_count": 37},
      "model": {"type": "mlp", "depth": 2, "width": 24},
      "optimizer": {"type": "adamw", "learning_rate": 0.01},
      "training": {"duration": "20 steps", "micro_batches": 2},
      "norms": {"every": "1 step"},
      "checkpoints": {"every": "1000 steps"}
    }
    """
  return try overrides.reduce(JSONParser.parse(base, file: "test")) { try $0.setting($1) }
}

/// Changes the small model into one that convolves images: with a shortcut, statistics and an average.
let convolutional = [
  "data.shape=[6,5,3]", "training.ema.decay=0.95",
  #"""
  model={"type":"layers","layers":[
    {"type":"conv2d","filters":8,"kernel":3,"padding":1,"bias":false},{"type":"batch_norm"},
    {"type":"activation","function":"relu"},
    {"type":"residual","layers":[
      {"type":"conv2d","filters":8,"kernel":3,"padding":1},{"type":"activation","function":"relu"},
      {"type":"conv2d","filters":8,"kernel":3,"padding":1,"groups":"depthwise"}]},
    {"type":"conv2d","filters":5,"kernel":3,"stride":2},{"type":"activation","function":"tanh"},
    {"type":"flatten"},{"type":"linear","units":4}]}
  """#,
]

/// The progress messages of a run.
final class ProgressLog: Sendable {
  private let messages = Mutex((steps: [StepRecord](), validations: [ValidationRecord](), events: [EventRecord]()))

  var steps: [StepRecord] { messages.withLock { $0.steps } }
  var validations: [ValidationRecord] { messages.withLock { $0.validations } }
  var events: [EventRecord] { messages.withLock { $0.events } }

  @Sendable func note(_ progress: RunProgress) {
    messages.withLock {
      switch progress {
      case .step(let record, _): $0.steps.append(record)
      case .validation(let record): $0.validations.append(record)
      case .event(let record): $0.events.append(record)
      }
    }
  }
}

/// A completed run with its model, result and progress messages.
struct CompletedRun {
  let model: RunModel
  let result: TrainingRun.Result
  let log: ProgressLog

  var losses: [Float] { log.steps.map(\.loss) }

  /// A digest of each tensor that a checkpoint holds, by its path.
  var digests: [String: String] {
    Dictionary(uniqueKeysWithValues: model.checkpointTensors.map { ($0.path, Digest.sha256($0.slice.bytes)) })
  }

  /// The state without the training time.
  var state: RunState {
    var state = result.state
    state.seconds = 0
    return state
  }

  /// The loss, rate, norm and clipping of every step, bit by bit.
  var numbers: [[UInt64]] {
    log.steps.map {
      [
        UInt64($0.step), UInt64($0.loss.bitPattern), $0.learningRate.bitPattern, UInt64($0.gradientNorm.bitPattern),
        UInt64($0.clipScale.bitPattern), $0.epoch.bitPattern,
      ]
    }
  }
}

/// A run without a session, optionally on samples from memory, with or without a folder.
struct Trial {
  var json: JSON
  var samples: (any SampleSource)?
  var lanes = 1
  var folder: URL?
  var stopAfter: Int?
  /// Changes the model before the first step.
  var prepare: (RunModel) throws -> Void = { _ in }
  /// The first state; that of a new run by default.
  var state: RunState?
  /// The file of the first parameters; `prepare` reads them.
  var initialParameters: String?

  func model() throws -> RunModel {
    let configuration = try RunConfiguration(json).resolvingMicroBatches()
    let data =
      if let samples {
        try Dataset(
          OpenedSamples(samples: samples), settings: configuration.data.common, seed: configuration.seed)
      } else {
        try Dataset(opening: configuration.data, runSeed: configuration.seed)
      }
    return RunModel(try RunPlan(configuration, data: data, lanes: lanes))
  }

  func run() async throws -> CompletedRun {
    let model = try model()
    model.initialize()
    try prepare(model)
    var first = RunState()
    first.plateau = model.configuration.schedule.initialPlateau
    if let folder { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
    return try await run(model, .init(state: state ?? first, isResumed: false, initialParameters: initialParameters))
  }

  /// Resumes from the newest good checkpoint of the folder.
  func resume() async throws -> CompletedRun {
    let model = try model()
    guard let folder, let checkpoint = try CheckpointFolder(folder).newestGood() else {
      throw RunError("there is no checkpoint to resume from")
    }
    let metadata = try CheckpointFile.read(at: checkpoint.url, into: model.checkpointTensors)
    model.state.refreshBF16Weights()
    let state = try metadata.runState(of: checkpoint.url)
    return try await run(model, .init(state: state, isResumed: true))
  }

  private func run(_ model: RunModel, _ start: TrainingRun.Start) async throws -> CompletedRun {
    let log = ProgressLog()
    let stop = StopRequest()
    stop.stop(afterStep: stopAfter)
    let run = TrainingRun(model: model, folder: folder, start: start, stopRequest: stop, progress: log.note)
    return CompletedRun(model: model, result: try await run.run(), log: log)
  }
}

/// Runs a session as the command line does.
func session(
  _ json: JSON, _ folder: URL, _ mode: TrainingSession.Mode = .new, lanes: Int = 1, stopAfter: Int? = nil,
  initialParameters: String? = nil, say: (String) -> Void = { _ in }
) async throws -> CompletedRun {
  let session = try TrainingSession.prepare(
    json, runDirectory: folder.path, mode: mode, initialParameters: initialParameters, lanes: lanes, say: say)
  session.stopRequest.stop(afterStep: stopAfter)
  let log = ProgressLog()
  let result = try await session.run(progress: log.note)
  return CompletedRun(model: session.model, result: result, log: log)
}

extension TensorSlice {
  var array: [Float] {
    let floats = floats
    return floats.indices.map { floats[$0] }
  }
}

extension [Float] {
  var norm: Double { reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
}
