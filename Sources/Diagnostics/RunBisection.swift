import Checkpoints
import Configuration
import Data
import Foundation
import JSON
import Metrics
import Reports
import Runs
import Training

/// Finds the first step, layer and tensor at which two runs differ.
///
/// The search first compares the records of every step and finds the newest checkpoint with equal tensors. From there,
/// or from the first step, it replays both configurations in memory and compares everything that they compute, bit by
/// bit. It writes nothing.
package struct RunBisection: Sendable {
  /// The first difference of the replayed runs.
  package struct FirstDifference: Sendable, Equatable {
    /// The first step is 1; 0 stands for a different start.
    package let step: Int
    package let place: StepTrace.Place
    /// The largest difference between elements; nil if the tensors are no longer in memory.
    package let largest: Double?
  }

  /// The answer of a bisection.
  package enum Verdict: Sendable {
    /// The models have different tensors.
    case incomparable(reason: String)
    case different(FirstDifference)
    /// Records and checkpoints are equal.
    case equal(lastStep: Int, checkpoint: Int?)
    /// The folders differ, but the replayed configurations give the same bits.
    case notReproduced(lastStep: Int, note: String)
  }

  package let verdict: Verdict
  /// The first difference in the records.
  package let recorded: RecordComparison.Difference?
  /// The newest step with equal checkpoints, and the oldest step after it with different ones.
  package let commonCheckpoint: Int?
  package let differentCheckpoint: Int?
  package let settings: [ConfigurationTable.Row]
  /// Steps that each run replayed.
  package let replayedSteps: Int

  /// - Parameter say: receives progress messages.
  package static func find(_ first: URL, _ second: URL, say: (String) -> Void) async throws -> RunBisection {
    var search = BisectionSearch(try BisectedRun(first), try BisectedRun(second))
    return try await search.find(say: say)
  }
}

/// One of the two runs, as its folder describes it.
struct BisectedRun {
  let folder: URL
  let configuration: RunConfiguration
  let configurationText: String
  let validations: [Int: ValidationRecord]
  let checkpoints: [StoredCheckpoint]
  private let initialParameters: String?

  init(_ folder: URL) throws {
    self.folder = folder
    let resolved = try RunFolder.configuration(of: folder)
    configuration = try RunConfiguration(resolved)
    configurationText = resolved.compactText
    var validations: [Int: ValidationRecord] = [:]
    var reader = try MetricsReader(folder: folder)
    while let line = try reader.next() {
      if case .validation(let record) = line, record.split == "validation" { validations[record.step] = record }
    }
    self.validations = validations
    checkpoints = try CheckpointFolder(folder).all()
    initialParameters = RunFolder.initialParameters(of: folder)
  }

  /// A player that starts after the step of a checkpoint, or before the first step if there is none.
  func player(from checkpoint: StoredCheckpoint?) throws -> StepPlayer {
    let metadata = try checkpoint.map { (stored) throws in try CheckpointFile.metadata(at: stored.url) }
    let standardization = try checkpoint.flatMap { (stored) throws in try metadata?.standardization(of: stored.url) }
    let data = try Dataset(
      opening: configuration.data, runSeed: configuration.seed, standardization: standardization)
    let plan = try RunPlan(configuration, data: data, lanes: 1)
    try RunEstimate(plan, writesCheckpoints: false).checkMemory()
    let model = RunModel(plan)
    var state = RunState(startOf: configuration)
    if let checkpoint, let metadata {
      _ = try CheckpointFile.read(at: checkpoint.url, into: model.checkpointTensors)
      model.state.refreshBF16Weights()
      state = try metadata.runState(of: checkpoint.url)
    } else {
      model.initialize()
      if let initialParameters { try model.load(parametersFrom: URL(fileURLWithPath: initialParameters)) }
    }
    return StepPlayer(model, state: state, validations: validations)
  }

  /// The build that wrote the newest checkpoint; nil if none can be read.
  var build: String? {
    checkpoints.last.flatMap { try? CheckpointFile.metadata(at: $0.url).build }
  }
}
