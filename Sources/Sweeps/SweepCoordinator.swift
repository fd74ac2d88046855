import Configuration
import Files
import Foundation
import JSON
import Runs

/// Assigns work to the jobs of one process and records their results. It alone writes to the journal.
actor SweepCoordinator {
  let worker: WorkerRecord
  private let journal: Journal
  private let folder: SweepFolder
  private let scheduler: SweepScheduler
  private let lock: FileLock
  private(set) var state: SweepState
  /// The time of each worker's last entry by this machine's clock; other machines' clocks may differ.
  private var lastHeard: [String: ContinuousClock.Instant] = [:]
  /// The time of the last decision to wait; it stands for a moment unless the journal has new entries.
  private var lastWait: ContinuousClock.Instant?
  private var hasOwnNews = false

  static let heartbeat = Duration.seconds(20)
  private static let patience = Duration.seconds(1)

  init(_ definition: SweepDefinition, _ folder: SweepFolder, jobs: Int, coresPerJob: Int, resumes: Bool) throws {
    self.folder = folder
    scheduler = SweepScheduler(definition)
    let worker = Self.identity(jobs: jobs)
    self.worker = worker
    let file = folder.lock(ofWorker: worker.id)
    lock = try RunError.files { () throws(FileError) in try FileLock(file) }
    let journal = try Journal(folder: folder.url, creates: !resumes)
    self.journal = journal
    var state = SweepState(definition)
    let place = folder.url.relativePath
    let advice = "restore the sweep file, or give another --sweep-dir"
    var heard: [String] = []
    try journal.transaction { news, now in
      for (entry, time) in news {
        // First of all: the entries of another definition are meaningless here.
        if case .sweep(let header) = entry { try header.require(definition, in: folder, advice: advice) }
        try state.apply(entry, time: time)
        if let author = entry.author { heard.append(author) }
      }
      var entries = [JournalEntry.worker(worker)]
      if state.header == nil {
        guard news.isEmpty else {
          throw RunError("\(place)/\(Journal.name): does not begin with its sweep; restore the file")
        }
        let header = JournalHeader(
          name: definition.name, identity: definition.identity, seeds: definition.seeds, microBatches: coresPerJob,
          build: BuildInfo.text)
        entries.insert(.sweep(header), at: 0)
      }
      for entry in entries { try state.apply(entry, time: now) }
      return entries
    }
    self.state = state
    for author in heard { lastHeard[author] = .now }
  }

  private static func identity(jobs: Int) -> WorkerRecord {
    let process = Int(ProcessInfo.processInfo.processIdentifier)
    let unique = String(UInt32.random(in: 0...UInt32.max), radix: 16)
    return WorkerRecord(
      id: "\(WorkerRecord.thisHost)-\(process)-\(unique)", host: WorkerRecord.thisHost, boot: WorkerRecord.thisBoot,
      process: process, jobs: jobs)
  }

  var microBatches: Int { state.header?.microBatches ?? 1 }

  // MARK: Work

  func next() throws -> SweepAction {
    if let lastWait, !hasOwnNews, ContinuousClock.now - lastWait < Self.patience, try !journal.hasNews() {
      return .wait
    }
    var action = SweepAction.wait
    try write {
      let decision = try scheduler.next(state, worker: worker.id) { isAlive($0) }
      action = decision.action
      return decision.entries
    }
    hasOwnNews = false
    lastWait = action == .wait ? .now : nil
    return action
  }

  func record(point: Int, seed: Int, rung: Int, _ result: TrialResult) throws {
    try write { [.result(point: point, seed: seed, rung: rung, worker: worker.id, result)] }
    hasOwnNews = true
  }

  func release(point: Int, seed: Int) throws {
    try write { [.release(point: point, seed: seed, worker: worker.id)] }
  }

  func sendHeartbeat() throws { try write { [.heartbeat(worker: worker.id)] } }

  /// Reads the entries of others.
  func refresh() throws { try write { [] } }

  /// The reason to stop running trials, if there is one.
  var end: SweepEnd? { scheduler.end(state) }

  private func write(_ decide: () throws -> [JournalEntry]) throws {
    // Entries that could not be written do not count.
    var after = state
    try journal.transaction { news, now in
      for (entry, time) in news {
        try after.apply(entry, time: time)
        if let author = entry.author { lastHeard[author] = .now }
      }
      // Entries of others count even if this process cannot write its own.
      state = after
      let entries = try decide()
      for entry in entries { try after.apply(entry, time: now) }
      return entries
    }
    state = after
  }

  private func isAlive(_ id: String) -> Bool {
    if id == worker.id { return true }
    guard let other = state.workers[id] else { return false }
    return folder.isAlive(other, silence: lastHeard[id].map { ContinuousClock.now - $0 })
  }
}

extension JournalEntry {
  /// The worker that wrote the entry, if it is named.
  var author: String? {
    switch self {
    case .worker(let worker): worker.id
    case .heartbeat(let worker), .claim(_, _, _, let worker), .result(_, _, _, let worker, _),
      .release(_, _, let worker):
      worker
    case .sweep, .point, .stop: nil
    }
  }
}
