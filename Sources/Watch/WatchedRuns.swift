import Foundation
import JSONValues
import RunRecords

/// The runs in and below a folder, followed as they go: what the page and the terminal show.
///
/// Every run is skimmed for the list; the few that are shown are read whole, in bounded memory.
package actor WatchedRuns {
  /// Runs that are drawn at once, and kept in memory.
  package static let mostShown = 8
  /// Runs in the list.
  static let mostListed = 500
  /// Pictures of a run that are shown: its newest.
  static let mostSamples = 12
  private static let searchInterval = Duration.seconds(1)

  package nonisolated let folder: URL
  private var runs: [Run] = []
  private var lastSearch: ContinuousClock.Instant?
  private var nextID = 0
  /// By number; the one that was asked for last comes last.
  private var followed: [(id: Int, follower: RunFollower)] = []

  /// A run in the list.
  private struct Run {
    let id: Int
    let name: String
    var skimmed: RunFollower
    var activity = RunActivity.interrupted
  }

  package init(_ folder: URL) { self.folder = folder }

  /// Looks for new runs, leaves out those that have gone, and skims what they have written.
  private func refresh() {
    let now = ContinuousClock.now
    if lastSearch.map({ now - $0 >= Self.searchInterval }) ?? true {
      lastSearch = now
      var known: [URL: Run] = [:]
      for run in runs { known[run.skimmed.folder] = run }
      runs = RunSearch.runs(below: folder).prefix(Self.mostListed).map { place in
        if let run = known[place] { return run }
        nextID += 1
        return Run(
          id: nextID, name: RunSearch.name(of: place, in: folder), skimmed: RunFollower(place, isSkimming: true))
      }
      let present = Set(runs.map(\.id))
      followed.removeAll { !present.contains($0.id) }
    }
    for index in runs.indices {
      // Records that cannot be read are no reason to stop looking at the others.
      _ = try? runs[index].skimmed.follow()
      runs[index].activity = runs[index].skimmed.activity
    }
  }

  /// What a list says of every run, as JSON; nil where that is what the caller has already.
  package func list(unless version: String) -> String? {
    refresh()
    let rows = JSON.array(runs.map { row(of: $0) })
    let new = Self.version(of: rows.compactText)
    guard new != version else { return nil }
    let name = folder.standardizedFileURL.lastPathComponent
    return JSON.object([("version", .string(new)), ("folder", .string(name)), ("runs", rows)]).compactText
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

  /// Everything about some runs; those that are not there any more are left out.
  ///
  /// - Parameter ids: numbers from `list`; the first `mostShown` count.
  package func logs(_ ids: [Int]) -> [RunLog] {
    refresh()
    return ids.prefix(Self.mostShown).compactMap { id in
      guard follow(id), let last = followed.last, var log = try? last.follower.log() else { return nil }
      log.name = runs.first { $0.id == id }?.name ?? log.name
      return log
    }
  }

  /// What the page draws of some runs, as JSON; nil where that is what the caller has already.
  package func report(_ ids: [Int], unless version: String) -> [UInt8]? {
    refresh()
    let shown = ids.prefix(Self.mostShown).filter { follow($0) }
    let samples = shown.flatMap { self.samples(of: $0) }
    let state = shown.map { id in
      let run = followed.first { $0.id == id }?.follower
      let changed = run.map { Self.changeTime($0.folder) } ?? 0
      return "\(id) \(run?.version ?? 0) \(changed)"
    }
    let new = Self.version(of: "\(state) \(samples.map { "\($0.name) \($0.changed)" })")
    guard new != version else { return nil }
    // Pictures are fetched one by one, and not with every look.
    var logs = logs(Array(shown))
    for index in logs.indices { logs[index].samples = [] }
    return Report.watched(logs, samples, version: new)
  }

  /// Reads what is new of a run, and keeps it as the one that was asked for last.
  private func follow(_ id: Int) -> Bool {
    guard let run = runs.first(where: { $0.id == id }) else { return false }
    var follower = RunFollower(run.skimmed.folder)
    if let place = followed.firstIndex(where: { $0.id == id }) { follower = followed.remove(at: place).follower }
    _ = try? follower.follow()
    followed.append((id, follower))
    if followed.count > Self.mostShown { followed.removeFirst() }
    return true
  }

  /// The newest pictures of a run.
  package func samples(of id: Int) -> [Report.Sample] {
    guard let run = runs.first(where: { $0.id == id }) else { return [] }
    let place = run.skimmed.folder.appending(path: "samples")
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []).filter(Self.isPicture)
      .sorted()
    return names.suffix(Self.mostSamples).map { name in
      Report.Sample(run: run.name, id: id, name: name, changed: Self.changeTime(place.appending(path: name)))
    }
  }

  /// A picture of a run, if it is one that `samples` names.
  package func sample(of id: Int, name: String) -> [UInt8]? {
    guard samples(of: id).contains(where: { $0.name == name }), let run = runs.first(where: { $0.id == id }) else {
      return nil
    }
    return Self.contents(run.skimmed.folder.appending(path: "samples").appending(path: name).path)
  }

  /// Numbers and names of the runs, the first first.
  package func names() -> [(id: Int, name: String)] {
    refresh()
    return runs.map { ($0.id, $0.name) }
  }

  package func activity(of id: Int) -> RunActivity { runs.first { $0.id == id }?.activity ?? .interrupted }

  package func totalSteps(of id: Int) -> Int? { runs.first { $0.id == id }?.skimmed.totalSteps }
}

extension WatchedRuns {
  /// Larger pictures are not served.
  private static let largestPicture = 32 << 20

  private static func isPicture(_ name: String) -> Bool {
    name.hasSuffix(".png") && !name.hasPrefix(".") && !name.contains("/")
  }

  /// A file's bytes; nil for links, devices and what is too large.
  private static func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) <= largestPicture
    else { return nil }
    return (try? file.readToEnd()).map { Array($0) }
  }

  /// Nanoseconds, rounded by the file system; 0 for what is not there.
  private static func changeTime(_ url: URL) -> Int {
    var status = stat()
    guard lstat(url.path, &status) == 0 else { return 0 }
    return Int(status.st_mtim.tv_sec) * 1000 + Int(status.st_mtim.tv_nsec) / 1_000_000
  }

  /// A short name for a text: another text hardly ever has the same.
  private static func version(of text: String) -> String {
    String(text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 36)
  }
}
