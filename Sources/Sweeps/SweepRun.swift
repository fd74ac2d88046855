import CPlatform
import Configuration
import Foundation
import JSON
import Runs

/// One process's work on a sweep: several jobs at once, each a trial in a process of its own on its share of the cores.
package struct SweepRun: Sendable {
  /// A progress message.
  package enum Event: Sendable {
    case note(String)
    case began(Running)
    case ended(Running, TrialResult, SweepState)
    /// The state of the sweep, from time to time.
    case state(SweepState)
  }

  /// A trial in training.
  package struct Running: Sendable, Equatable {
    package let point: Int
    package let seed: Int
    package let rung: Int
    package let id: String
  }

  package enum Outcome: Sendable, Equatable {
    case ended(SweepEnd)
    case interrupted(Int32)
  }

  package let definition: SweepDefinition
  package let folder: SweepFolder
  package let jobs: Int
  /// The cores of each job.
  package let cores: [[Int]]
  private let program: String
  private let coordinator: SweepCoordinator

  /// The time between requests of an idle job.
  private static let pause = Duration.milliseconds(50)
  private static let refreshInterval = Duration.milliseconds(500)

  /// Refuses a wrong definition before anything is written.
  ///
  /// - Parameter program: the training program; by default the running one, even if its file is replaced meanwhile.
  package init(
    _ definition: SweepDefinition, folder: SweepFolder, jobs: Int, resumes: Bool,
    program: String = "/proc/\(ProcessInfo.processInfo.processIdentifier)/exe"
  ) throws {
    self.definition = definition
    self.folder = folder
    self.jobs = jobs
    self.program = program
    let cores = CoreShares.shares(of: CoreShares.allowed, jobs: jobs)
    self.cores = cores
    try definition.checkSpace(microBatches: cores[0].count)
    try folder.prepare(resumes: resumes)
    coordinator = try SweepCoordinator(definition, folder, jobs: jobs, coresPerJob: cores[0].count, resumes: resumes)
    // Only now is the definition known to be the journal's; limits may have changed.
    try folder.write(definition.stored.prettyText + "\n", to: folder.definition)
  }

  /// Works until the sweep ends or `stop` is requested.
  package func run(
    stop: StopRequest, report: @escaping @Sendable (Event) -> Void
  ) async throws -> (outcome: Outcome, state: SweepState) {
    let gate = WorkGate()
    let outcome = try await withThrowingTaskGroup(of: SweepEnd?.self) { group in
      for job in 0..<jobs {
        group.addTask { try await work(job, stop, gate, report) }
      }
      let beats = Task { await beat(stop, gate, report) }
      var end: SweepEnd?
      var failure: (any Error)?
      while let result = await group.nextResult() {
        switch result {
        case .success(let one): end = one ?? end
        case .failure(let error):
          // The other trials save and stop.
          gate.close()
          failure = failure ?? error
        }
      }
      beats.cancel()
      await beats.value
      if let failure { throw failure }
      return end
    }
    try await coordinator.refresh()
    let state = await coordinator.state
    if let signal = stop.signal { return (.interrupted(signal), state) }
    return (.ended(await coordinator.end ?? outcome ?? .complete), state)
  }

  /// - Returns: the reason for the end of the sweep; nil after a stop.
  private func work(
    _ job: Int, _ stop: StopRequest, _ gate: WorkGate, _ report: @Sendable (Event) -> Void
  ) async throws -> SweepEnd? {
    while stop.signal == nil, !gate.isClosed {
      switch try await coordinator.next() {
      case .done(let end): return end
      case .wait: try? await Task.sleep(for: Self.pause)
      case .run(let point, let seed, let rung):
        try await play(job, point, seed, rung, stop, gate, report)
      }
    }
    return nil
  }

  private func play(
    _ job: Int, _ point: Int, _ seed: Int, _ rung: Int, _ stop: StopRequest, _ gate: WorkGate,
    _ report: @Sendable (Event) -> Void
  ) async throws {
    let state = await coordinator.state
    let trial = state.points[point].trials[seed]
    let configuration = try TrialConfiguration(
      definition, state.points[point].assignment, seed: trial.seed, microBatches: await coordinator.microBatches
    ).named(trial.id, in: definition)
    let place = folder.trial(trial.id)
    if !trial.results.isEmpty, !RunFolder.holdsRun(place) {
      report(.note("trial \(trial.id): its run folder is missing; training begins again at the first step"))
    }
    let running = Running(point: point, seed: seed, rung: rung, id: trial.id)
    report(.began(running))
    let process = TrialProcess(
      program: program, folder: place, configuration: configuration, rung: definition.rungs.durations[rung],
      cores: cores[job], timeCap: definition.settings.trialTimeCap)
    let outcome = try await process.run(
      say: { report(.note("trial \(trial.id): \($0)")) }, shouldStop: { stop.signal != nil || gate.isClosed })
    switch outcome {
    case .stopped: try await coordinator.release(point: point, seed: seed)
    case .result(let result) where result.isOfFullDisk:
      // The journal may be on the same disk; without this entry the claim ends with the process.
      try? await coordinator.release(point: point, seed: seed)
      throw RunError(
        "trial \(trial.id): \(result.reason ?? ""); free space, or raise the quota, and continue with --resume")
    case .result(let result):
      try await coordinator.record(point: point, seed: seed, rung: rung, result)
      report(.ended(running, result, await coordinator.state))
      if await coordinator.end != nil { gate.close() }
    }
  }

  /// Writes heartbeats and reports the state.
  private func beat(_ stop: StopRequest, _ gate: WorkGate, _ report: @Sendable (Event) -> Void) async {
    var last = ContinuousClock.now
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.refreshInterval)
      if ContinuousClock.now - last >= SweepCoordinator.heartbeat {
        // If the journal cannot be written, the jobs fail with that error.
        try? await coordinator.sendHeartbeat()
        last = .now
        if await coordinator.end != nil { gate.close() }
      }
      if !Task.isCancelled { report(.state(await coordinator.state)) }
    }
  }
}
