import Checkpoints
import Configuration
import Foundation
import JSON
import Metrics
import Runs
import Tensors
import Training

/// Trains a configuration twice, once stopped and resumed, and compares the two runs bit by bit.
package struct ResumeProof: Sendable {
  /// The first difference between two runs.
  package struct Difference: Sendable {
    package let step: Int
    package let tensor: String
  }

  package let steps: Int
  package let stoppedAt: Int
  package let digest: String
  package let difference: Difference?

  package var isEqual: Bool { difference == nil }

  /// - Parameters:
  ///   - stopAt: the number of steps after which the second run is stopped.
  ///   - steps: the number of steps of each run.
  package static func run(
    _ json: JSON, stopAt: Int, steps: Int, lanes: Int, say: (String) -> Void
  ) async throws -> ResumeProof {
    let root = FileManager.default.temporaryDirectory.appending(path: "troupe-verify-resume-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: root) }
    let whole = root.appending(path: "whole")
    let resumed = root.appending(path: "resumed")
    // Both have the same horizon, so schedules agree; the second is stopped by request, as a signal would.
    let settings = try json.setting("training.duration=\"\(steps) steps\"").setting("norms.every=\"1 step\"")
      .setting("checkpoints.every=\"\(steps) steps\"")
    say("training \(steps) steps without a stop, \(lanes) lanes")
    let first = try await train(settings, folder: whole, mode: .new, lanes: lanes, stopAt: nil, say: { _ in })
    say("training \(stopAt) steps, stopping, and resuming with \(lanes + 1) lanes")
    _ = try await train(settings, folder: resumed, mode: .new, lanes: lanes, stopAt: stopAt, say: { _ in })
    let second = try await train(settings, folder: resumed, mode: .resume, lanes: lanes + 1, stopAt: nil, say: { _ in })
    return ResumeProof(
      steps: steps, stoppedAt: stopAt, digest: second.parametersDigest,
      difference: try difference(whole, resumed, first, second, steps: steps))
  }

  private static func train(
    _ json: JSON, folder: URL, mode: TrainingSession.Mode, lanes: Int, stopAt: Int?, say: (String) -> Void
  ) async throws -> RunModel {
    let session = try TrainingSession.prepare(
      json, runDirectory: folder.path, mode: mode, lanes: lanes, say: say)
    session.stopRequest.stop(afterStep: stopAt)
    let result = try await session.run { _ in }
    if let failure = result.outcome.failure { throw RunError(failure) }
    return session.model
  }

  /// The first step and tensor that differ in the records, or else the first different tensor of the last step.
  private static func difference(
    _ a: URL, _ b: URL, _ first: RunModel, _ second: RunModel, steps: Int
  ) throws -> Difference? {
    let records = try RecordComparison(a, b, requiresSameSteps: true)
    if let found = records.difference {
      let whole =
        found.quantity == .absent ? "(the records of one run miss this step)" : "(the \(found.quantity.rawValue))"
      return Difference(step: found.step, tensor: found.tensor ?? whole)
    }
    return TensorComparison.first(first.checkpointTensors, second.checkpointTensors).map {
      Difference(step: steps, tensor: $0)
    }
  }

  package var description: String {
    if let difference {
      return "the runs differ from step \(difference.step) on, in \(difference.tensor)"
    }
    return "equal: \(steps) steps, and \(stoppedAt) + \(steps - stoppedAt) steps after a resume, give the same bits "
      + "(parameters \(digest))"
  }

  package var json: JSON {
    var members: [(String, JSON)] = [
      ("equal", .boolean(isEqual)), ("steps", .integer(steps)), ("at", .integer(stoppedAt)),
      ("parameters_digest", .string(digest)),
    ]
    if let difference {
      members += [
        ("step", .integer(difference.step)), ("tensor", .string(difference.tensor)),
        ("layer", .string(difference.tensor.layerName)),
      ]
    }
    return .object(members)
  }
}
