import Configuration
import Data
import Foundation
import JSON
import Metrics
import Runs

/// What a run's language model does with sequences of several lengths, as `troupe probe` finds it out.
package struct SequenceProbe: Sendable {
  package static let defaultTimes = [64, 128, 256, 512, 1024]
  package static let defaultFactors = [1, 2, 4]

  let run: StoredRun
  let data: Dataset
  let settings: SequenceSettings
  let lanes: Int

  /// Opens the run's text.
  ///
  /// - Throws: for a run of anything but a language model on text.
  package init(_ run: StoredRun, lanes: Int) throws {
    let configuration = run.configuration
    guard configuration.model.predictsNextToken, configuration.data.kind is TextData else {
      throw RunError(
        .configuration,
        "\(run.folder.relativePath): expected a language model on \"text\" data, "
          + "found \"\(configuration.modelKind)\" on \"\(type(of: configuration.data.kind).kind)\" data; probe a run of text"
      )
    }
    guard run.isInRunFolder else {
      throw RunError(
        .configuration,
        "\(run.checkpoint.url.relativePath): expected a checkpoint in its run's folder, where \(ProbeFile.name) goes")
    }
    self.run = run
    self.lanes = lanes
    settings = SequenceSettings(configuration)
    data = try run.openData()
  }

  /// A record with nothing measured yet.
  package var record: ProbeRecord {
    ProbeRecord(
      run: run.configuration.name, step: run.state.step, trainingLength: settings.trainingLength,
      position: settings.position)
  }

  // MARK: Step times

  /// The median time of a training step on random sequences of `length` tokens.
  ///
  /// A step has as many tokens as the run's own, in fewer or more sequences, and at least one sequence a micro-batch.
  package func stepTime(length: Int, seconds: Double) async throws -> ProbeRecord.StepTime {
    let microBatches = run.configuration.training.microBatches ?? 1
    let tokens = data.settings.batchSize * settings.trainingLength
    let rows = max(1, tokens / length / microBatches) * microBatches
    let vocabulary = data.fields.first { $0.name == SampleField.target }?.classCount ?? 2
    var json = try settings.reading(length, addingPlaces: true)
    for assignment in [
      #"data={"type": "noise", "shape": [\#(length)], "vocabulary": \#(vocabulary), "count": \#(rows), "#
        + #""batch_size": \#(rows), "validation_fraction": 0, "shuffle": false}"#,
      // What needs samples to validate, and what takes time of its own.
      #"schedule={"type": "constant"}"#, "training.early_stopping={}", "checkpoints={}",
      #"norms={"every": "1000000000 steps", "activations_every": "1000000000 steps"}"#,
    ] { json = try json.setting(assignment) }
    let timing = try await StepTiming.measure(json, lanes: lanes, seconds: seconds)
    return ProbeRecord.StepTime(length: length, rows: rows, milliseconds: timing.median)
  }

  /// The conditions under which `stepTime` measures.
  package func stepTimes(_ points: [ProbeRecord.StepTime]) -> ProbeRecord.StepTimes {
    ProbeRecord.StepTimes(precision: run.configuration.training.precision.rawValue, lanes: lanes, points: points)
  }

  // MARK: Windows

  /// Samples of the validation split.
  var windows: SampleSet { data.splits.validation }

  func requireWindows() throws(RunError) {
    guard !windows.isEmpty else {
      throw RunError(
        .configuration, "\(run.folder.relativePath): no validation samples to look at (data.validation_fraction is 0)")
    }
  }
}
