import Configuration
import Files
import Foundation
import JSON
import Runs

/// Where the jobs of one process learn what to do and hand in what came of it. It alone touches the journal.
actor SweepCoordinator {
  let worker: WorkerRecord
  private let journal: Journal
  private let folder: SweepFolder
  private let scheduler: SweepScheduler
  private let lock: FileLock
  private(set) var state: SweepState
  /// When something was last heard of a worker, by this machine's clock alone: others' may differ.
  private var lastHeard: [String: ContinuousClock.Instant] = [:]
  /// When somebody was last told to wait; nothing is looked at again for a moment unless there is news.
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
        // Before anything else is looked at: to another definition the rest makes no sense.
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

  /// Reads what others have written.
  func refresh() throws { try write { [] } }

  /// Why running trials are to be stopped, if they are.
  var end: SweepEnd? { scheduler.end(state) }

  private func write(_ decide: () throws -> [JournalEntry]) throws {
    // What could not be written has not happened.
    var after = state
    try journal.transaction { news, now in
      for (entry, time) in news {
        try after.apply(entry, time: time)
        if let author = entry.author { lastHeard[author] = .now }
      }
      // What was read is in the journal, whatever becomes of this process's own lines.
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
  /// The worker that wrote the entry, where it says so.
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
