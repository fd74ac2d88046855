import Configuration
import Foundation
import JSON

/// One line of a sweep's journal.
package enum JournalEntry: Sendable {
  /// The first line: what the journal is of.
  case sweep(JournalHeader)
  /// A process begins to work on the sweep.
  case worker(WorkerRecord)
  case heartbeat(worker: String)
  /// A new point, and the trials that run it with each seed.
  case point(number: Int, assignment: [JSON.Member], trials: [String], refusal: String?)
  /// A worker takes a trial to bring it to a rung.
  case claim(point: Int, seed: Int, rung: Int, worker: String)
  case result(point: Int, seed: Int, rung: Int, worker: String, TrialResult)
  /// A worker gives a trial back, saved, without a result.
  case release(point: Int, seed: Int, worker: String)
  /// A rule has decided that a point does not go on.
  case stop(point: Int, reason: String)
}

/// What a journal belongs to.
package struct JournalHeader: Sendable, Equatable {
  package let name: String
  /// What decides which trials there are.
  package let identity: JSON
  package let seeds: [Int]
  /// What `micro_batches: "auto"` stands for, on whatever machine the sweep goes on.
  package let microBatches: Int
  package let build: String

  package static let version = 1

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
  package let id: String
  package let host: String
  /// Tells apart machines, and times of one that was started again.
  package let boot: String
  package let process: Int
  package let jobs: Int

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

  /// Whether it works, or worked, on this machine, which has not been started again since.
  var isHere: Bool { host == Self.thisHost && boot == Self.thisBoot }
}

/// How an attempt at a trial ended.
package struct TrialResult: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    /// Trained to the end of its configuration.
    case finished
    /// Trained to a rung.
    case paused
    /// A number was not finite.
    case diverged
    /// It was refused, and would be again.
    case refused
    /// It ended with an error.
    case failed
    /// A signal ended it that the sweep had not sent.
    case killed
    /// It took longer than a trial may.
    case timedOut = "timed_out"

    /// Whether it may go better the next time.
    package var isWorthRetrying: Bool { self == .failed || self == .killed }
    package var isGood: Bool { self == .finished || self == .paused }
  }

  package var state: State
  /// Every number that the run reported, by its path: `validation.loss`.
  package var metrics: [(name: String, value: Double)]
  package var step: Int
  package var digest: String?
  package var gradientFlow: String?
  /// Seconds that the process took, its start included.
  package var seconds: Double
  /// Why it did not end well.
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

  package func value(of metric: String) -> Double? { metrics.first { $0.name == metric }?.value }

  package static func == (a: TrialResult, b: TrialResult) -> Bool {
    a.state == b.state && a.metrics.map(\.name) == b.metrics.map(\.name)
      && a.metrics.map(\.value) == b.metrics.map(\.value) && a.step == b.step && a.digest == b.digest
      && a.reason == b.reason
  }
}
