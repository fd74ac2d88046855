import Configuration
import Files
import Foundation
import JSON

/// One line of a sweep's journal.
package enum JournalEntry: Sendable {
  /// The first line.
  case sweep(JournalHeader)
  /// A process joins the sweep.
  case worker(WorkerRecord)
  case heartbeat(worker: String)
  /// A new point, with a trial for each seed.
  case point(number: Int, assignment: [JSON.Member], trials: [String], refusal: String?)
  /// A worker takes a trial to train it to a rung.
  case claim(point: Int, seed: Int, rung: Int, worker: String)
  case result(point: Int, seed: Int, rung: Int, worker: String, TrialResult)
  /// A worker gives a trial back, saved, without a result.
  case release(point: Int, seed: Int, worker: String)
  /// A rule of early termination has stopped a point.
  case stop(point: Int, reason: String)
}

/// The sweep of a journal.
package struct JournalHeader: Sendable, Equatable {
  package var name = ""
  /// The settings that determine the trials.
  package var identity = JSON.null
  package var seeds: [Int] = []
  /// The meaning of `micro_batches: "auto"`, on all machines.
  package var microBatches = 1
  package var build = ""

  package init(name: String, identity: JSON, seeds: [Int], microBatches: Int, build: String) {
    self.name = name
    self.identity = identity
    self.seeds = seeds
    self.microBatches = microBatches
    self.build = build
  }
}

/// A process that works on a sweep.
package struct WorkerRecord: Sendable, Equatable {
  package var id = ""
  package var host = ""
  /// Identifies a machine since its last start.
  package var boot = ""
  package var process = 0
  package var jobs = 1

  package init(id: String, host: String, boot: String, process: Int, jobs: Int) {
    self.id = id
    self.host = host
    self.boot = boot
    self.process = process
    self.jobs = jobs
  }

  static let thisHost = ProcessInfo.processInfo.hostName
  static let thisBoot =
    ((try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? "")
    .trimmingCharacters(in: .whitespacesAndNewlines)

  /// Whether the process belongs to this machine since its last start.
  var isHere: Bool { host == Self.thisHost && boot == Self.thisBoot }
}

/// The end of an attempt at a trial.
package struct TrialResult: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable, JSONValue {
    /// Trained to the end of its configuration.
    case finished
    /// Trained to a rung.
    case paused
    /// A number was not finite.
    case diverged
    /// The configuration was refused.
    case refused
    /// It ended with an error.
    case failed
    /// Ended by a signal from outside the sweep.
    case killed
    /// It took longer than `trial_time_cap`.
    case timedOut = "timed_out"

    /// Whether another attempt may succeed.
    package var isWorthRetrying: Bool { self == .failed || self == .killed }
    package var isGood: Bool { self == .finished || self == .paused }
  }

  package var state = State.failed
  /// Every number that the run reported, by its path: `validation.loss`.
  package var metrics: [(name: String, value: Double)] = []
  package var step = 0
  package var digest: String?
  package var gradientFlow: String?
  /// The time of the process, including its start.
  package var seconds = 0.0
  /// Why the attempt failed.
  package var reason: String?

  package init(
    state: State, metrics: [(name: String, value: Double)] = [], step: Int = 0, digest: String? = nil,
    gradientFlow: String? = nil, seconds: Double = 0, reason: String? = nil
  ) {
    self.state = state
    self.metrics = metrics
    self.step = step
    self.digest = digest
    self.gradientFlow = gradientFlow
    self.seconds = seconds
    self.reason = reason
  }

  /// Whether the attempt failed for want of room on a disk, which is no fault of the trial.
  package var isOfFullDisk: Bool { state == .failed && FileError.isOfFullDisk(reason ?? "") }

  package func value(of metric: String) -> Double? { metrics.first { $0.name == metric }?.value }

  package static func == (a: TrialResult, b: TrialResult) -> Bool {
    a.state == b.state && a.metrics.map(\.name) == b.metrics.map(\.name)
      && a.metrics.map(\.value) == b.metrics.map(\.value) && a.step == b.step && a.digest == b.digest
      && a.reason == b.reason
  }
}
