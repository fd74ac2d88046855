import Checkpoints
import Configuration
import Data
import Foundation
import JSON
import Metrics
import Reports
import Runs
import Training

/// Finds the first step, layer and tensor at which two runs part.
///
/// First from what their folders hold: the records of every step, and the newest checkpoint that has the same tensors in
/// both. From there, or from the first step, both configurations are played again side by side in memory, and everything
/// that they compute is compared, bit by bit. Nothing is written.
package struct RunBisection: Sendable {
  /// Where the runs part when they are played again.
  package struct Parting: Sendable, Equatable {
    /// The first step is 1; 0 says that the runs did not begin alike.
    package let step: Int
    package let place: StepTrace.Place
    /// The largest difference between elements; nil where the tensors are no longer there.
    package let largest: Double?
  }

  /// What was found out, in the order of its use to a person.
  package enum Verdict: Sendable {
    /// There is nothing to compare: the models are not the same.
    case incomparable(reason: String)
    case part(Parting)
    /// Nothing differs, in the records or in the checkpoints.
    case neverPart(lastStep: Int, checkpoint: Int?)
    /// The folders differ, but their configurations give the same bits when they are played again.
    case notReproduced(lastStep: Int, note: String)
  }

  package let verdict: Verdict
  /// What the records differ in first.
  package let recorded: RecordComparison.Difference?
  /// The newest step whose checkpoints have the same tensors, and the oldest after it whose checkpoints do not.
  package let commonCheckpoint: Int?
  package let differentCheckpoint: Int?
  package let settings: [ConfigurationTable.Row]
  /// Steps that were played again, by each run.
  package let playedSteps: Int

  /// - Parameter say: told what is being done.
  package static func find(_ first: URL, _ second: URL, say: (String) -> Void) async throws -> RunBisection {
    var search = BisectionSearch(try BisectedRun(first), try BisectedRun(second))
    return try await search.find(say: say)
  }
}

/// One of the runs: what its folder says.
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

  /// The run's model as it was after the step of a checkpoint, or before its first step.
  ///
  /// - Parameter checkpoint: nil for the first parameters.
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

  /// What made the newest checkpoint; nil where there is none that can be read.
  var build: String? {
    checkpoints.last.flatMap { try? CheckpointFile.metadata(at: $0.url).build }
  }
}
