import Foundation
import JSON
import Metrics
import Reports
import Sweeps

/// Follows the runs and sweeps in and below a folder, for the page and the terminal.
///
/// Every run is skimmed for the list; the few that are shown are read in full, in bounded memory. The trials of a sweep
/// are not in the list: the sweep shows them.
package actor WatchedRuns {
  /// Runs that are drawn at once, and kept in memory.
  package static let mostShown = 8
  /// Runs in the list: the running ones, then the newest.
  static let mostListed = 500
  private static let searchInterval = Duration.seconds(1)

  package nonisolated let folder: URL
  private(set) var runs: [Run] = []
  /// Runs that are left out of the list.
  package private(set) var hiddenCount = 0
  private(set) var sweeps: [Sweep] = []
  private var lastSearch: ContinuousClock.Instant?
  /// Requests name folders by their index here; an index is never given to another folder.
  private var places: [URL] = []
  /// By the bytes of the path: strings are equal where the same letters have different code points.
  private var numbers: [[UInt8]: Int] = [:]
  /// Makes versions unique to this process: a page may outlive it and ask its successor.
  let token = String(UInt64.random(in: 0...UInt64.max), radix: 36)
  /// The most recently requested run comes last.
  private var followed: [(id: Int, follower: RunFollower)] = []

  /// A run in the list.
  struct Run {
    let id: Int
    let name: String
    var skimmed: RunFollower
    var activity = RunActivity.interrupted
  }

  struct Sweep {
    let id: Int
    let name: String
    let follower: SweepFollower
  }

  package init(_ folder: URL) { self.folder = folder }

  /// Finds new runs, drops deleted ones, and skims their new records.
  func refresh() {
    let now = ContinuousClock.now
    let isDue = lastSearch.map { now - $0 >= Self.searchInterval } ?? true
    let found = isDue ? RunSearch.search(folder, mark: Journal.name) : nil
    if let found {
      lastSearch = now
      list(sweeps: found.marked)
    }
    for sweep in sweeps { sweep.follower.follow() }
    if let found { list(runs: found.runs) }
    for index in runs.indices {
      // One run's unreadable records do not hide the other runs.
      _ = try? runs[index].skimmed.follow()
      runs[index].activity = runs[index].skimmed.activity
    }
  }

  private func list(sweeps found: [URL]) {
    sweeps = found.map { place in
      let id = number(of: place)
      return sweeps.first { $0.id == id }
        ?? Sweep(
          id: id, name: RunSearch.name(of: place, in: folder), follower: SweepFollower(SweepFolder(place)))
    }
  }

  private func list(runs found: [URL]) {
    // Without a readable journal, a sweep's trials are listed as runs.
    let unknown = sweeps.filter { $0.follower.progress == nil }
    let found = found + unknown.flatMap { RunSearch.runs(below: $0.follower.folder.url) }
    let listed = Self.listed(found)
    hiddenCount = found.count - listed.count
    let known = Dictionary(runs.map { ($0.id, $0) }) { first, _ in first }
    runs = listed.map { place in
      let id = number(of: place)
      return known[id]
        ?? Run(id: id, name: RunSearch.name(of: place, in: folder), skimmed: RunFollower(place, isSkimming: true))
    }
    followed.removeAll { !RunSearch.isRun(places[$0.id]) }
  }

  /// The running ones, by path; then the others, the newest first.
  static func listed(_ found: [URL]) -> [URL] {
    let seen = found.map { place in
      (place, isHeld: RunActivity.isHeld(place), changed: changeTime(place.appending(path: MetricsWriter.fileName)))
    }
    let running = seen.filter(\.isHeld).map(\.0)
    let others = seen.filter { !$0.isHeld }.sorted { ($1.changed, $0.0.path) < ($0.changed, $1.0.path) }.map(\.0)
    return Array((running + others).prefix(mostListed))
  }

  func number(of place: URL) -> Int {
    let path = Array(place.path.utf8)
    if let known = numbers[path] { return known }
    places.append(place)
    numbers[path] = places.count - 1
    return places.count - 1
  }

  /// The run with this number, as long as it exists.
  func place(of id: Int) -> URL? {
    places.indices.contains(id) && RunSearch.isRun(places[id]) ? places[id] : nil
  }

  /// The list of runs and sweeps as JSON; nil if the caller has this version.
  package func list(unless version: String) -> String? {
    refresh()
    let name = folder.standardizedFileURL.lastPathComponent
    let members: [(String, JSON)] = [
      ("folder", .string(name)), ("runs", .array(runs.map { row(of: $0) })), ("hidden", .integer(hiddenCount)),
      ("sweeps", .array(sweeps.map { row(of: $0) })),
    ]
    let new = Self.version(of: JSON.object(members).compactText)
    guard new != version else { return nil }
    return JSON.object([("version", .string(new))] + members).compactText
  }

  private func row(of run: Run) -> JSON {
    let step = run.skimmed.lastStep
    let loss = step.map { Double($0.loss) }.flatMap { $0.isFinite ? JSON.number($0) : nil }
    let validation = run.skimmed.lastValidation.map { Double($0.loss) }.flatMap { $0.isFinite ? JSON.number($0) : nil }
    return .object([
      ("id", .integer(run.id)), ("name", .string(run.name)), ("state", .string(run.activity.rawValue)),
      ("step", .integer(step?.step ?? 0)), ("total_steps", run.skimmed.totalSteps.map { .integer($0) } ?? .null),
      ("loss", loss ?? .null), ("validation_loss", validation ?? .null),
      ("step_ms", step.map { .number($0.stepMilliseconds) } ?? .null),
      ("changed", .integer(Self.changeTime(run.skimmed.folder.appending(path: MetricsWriter.fileName)))),
    ])
  }

  /// The records of some runs; deleted runs are left out.
  ///
  /// - Parameter ids: numbers from `list`; the first `mostShown` count.
  package func logs(_ ids: [Int]) -> [RunLog] {
    refresh()
    return ids.prefix(Self.mostShown).compactMap { id in
      guard follow(id), let last = followed.last, var log = try? last.follower.log() else { return nil }
      log.name = RunSearch.name(of: log.folder, in: folder)
      return log
    }
  }

  /// The data of the page's charts as JSON; nil if the caller has this version.
  package func report(_ ids: [Int], unless version: String) -> [UInt8]? {
    refresh()
    let shown = ids.prefix(Self.mostShown).filter { follow($0) }
    let samples = shown.flatMap { self.samples(of: $0) }
    let state = shown.map { id in
      let run = followed.first { $0.id == id }?.follower
      let changed = run.map { Self.changeTime($0.folder) } ?? 0
      return "\(id) \(run?.version ?? 0) \(changed)"
    }
    let new = Self.version(of: "\(token) \(state) \(samples.map { "\($0.name) \($0.changed)" })")
    guard new != version else { return nil }
    // The page fetches images by itself.
    var logs = logs(Array(shown))
    for index in logs.indices { logs[index].samples = [] }
    return Report.watched(logs, samples, version: new)
  }

  /// Reads a run's new records, and marks it as the most recently requested.
  private func follow(_ id: Int) -> Bool {
    guard let place = place(of: id) else { return false }
    var follower = RunFollower(place)
    if let known = followed.firstIndex(where: { $0.id == id }) { follower = followed.remove(at: known).follower }
    _ = try? follower.follow()
    followed.append((id, follower))
    if followed.count > Self.mostShown { followed.removeFirst() }
    return true
  }

  /// Numbers and names of the runs in the order of the list.
  package func names() -> [(id: Int, name: String)] {
    refresh()
    return runs.map { ($0.id, $0.name) }
  }

  package func activity(of id: Int) -> RunActivity { runs.first { $0.id == id }?.activity ?? .interrupted }

  package func totalSteps(of id: Int) -> Int? { runs.first { $0.id == id }?.skimmed.totalSteps }
}

extension WatchedRuns {
  /// In milliseconds; 0 for a file that does not exist.
  static func changeTime(_ url: URL) -> Int {
    var status = stat()
    guard lstat(url.path, &status) == 0 else { return 0 }
    return Int(status.st_mtim.tv_sec) * 1000 + Int(status.st_mtim.tv_nsec) / 1_000_000
  }

  /// A hash of the text (FNV-1a).
  static func version(of text: String) -> String {
    String(text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 36)
  }
}
