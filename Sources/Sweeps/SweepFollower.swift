import Configuration
import Files
import Foundation
import JSON
import Metrics
import Runs

/// Follows a running sweep: reads each line of its journal once, and the records of its running trials.
///
/// A replaced journal is read from its first line. Nothing is ever written.
package final class SweepFollower {
  package let folder: SweepFolder
  /// Changes whenever there is something new.
  package private(set) var version = 0
  /// Nil where the sweep cannot be read, or not yet.
  package private(set) var progress: SweepProgress?
  package private(set) var activity = RunActivity.interrupted
  /// Why the sweep cannot be read or continued.
  package private(set) var problem: String?

  private var opened: Opened?
  /// The living workers at the last call.
  private var living: Set<String> = []
  private var trials = TrialFollowers(isSkimming: false)
  /// The records of trials that are not running, as long as their files are unchanged.
  private var settled: [String: (file: FileStamp?, records: TrialRecords?)] = [:]
  /// The journal and the definition that could not be read; they are not read again until one of them changes.
  private var failed: [FileStamp?]?
  /// The importance of parameters for a ranking, kept because it is slow to compute.
  private var importance: (ranking: String, value: ParameterImportance?)?
  private var last = ""
  /// The number of times that the journal had new entries.
  private var readCount = 0
  /// The conclusion from the journal at `readCount`.
  private var verdict: (readCount: Int, activity: RunActivity, problem: String?)?

  private struct Opened {
    let journal: Journal
    let definition: SweepDefinition
    let definitionFile: FileStamp
    let mostPoints: Int?
    var state: SweepState
  }

  private let patience: Duration

  /// - Parameter patience: the time per call for reading settled trials, at least one of them; the rest is left for
  ///   later calls.
  package init(_ folder: SweepFolder, patience: Duration = .milliseconds(300)) {
    self.folder = folder
    self.patience = patience
  }

  /// Reads new entries and records.
  package func follow() {
    let files = [FileStamp(folder.journal), FileStamp(folder.definition)]
    if files == failed { return }
    failed = nil
    do {
      try read()
      if progress == nil {
        (activity, problem) = (.interrupted, nil)
      } else {
        problem = judge()
      }
    } catch let error as RunError {
      fail(error.description, files)
    } catch let error as ConfigurationError {
      fail(error.description, files)
    } catch {
      fail("\(error)", files)
    }
    let now = "\(activity) \(problem ?? "") \(trials.version) \(progress?.running.map(\.id) ?? [])"
    if now != last { version += 1 }
    last = now
  }

  private func fail(_ reason: String, _ files: [FileStamp?]) {
    failed = files
    problem = reason
    activity = .failed
  }

  private func read() throws {
    if let opened, opened.journal.isReplaced || opened.definitionFile != FileStamp(folder.definition) { close() }
    if opened == nil {
      // A new sweep has a journal before it has a definition.
      guard let file = FileStamp(folder.definition) else { return }
      let definition = try SweepDefinition(file: folder.definition.path)
      opened = Opened(
        journal: try Journal(reading: folder.url), definition: definition, definitionFile: file,
        mostPoints: definition.pointCount, state: SweepState(definition))
    }
    guard var now = opened else { return }
    var hasNews = false
    do {
      hasNews = try folder.readNews(of: now.journal, now.definition, into: &now.state)
    } catch {
      // An unknown part of the lines was applied: all are read again.
      close()
      throw error
    }
    opened = now
    guard now.state.header != nil else { return }
    let workers = folder.living(in: now.state)
    let ids = Set(workers.map(\.id))
    // An idle sweep costs only the checks above.
    guard hasNews || progress == nil || ids != living || !trials.followers.isEmpty else { return }
    if hasNews {
      readCount += 1
      version += 1
    }
    living = ids
    progress = SweepProgress(
      now.definition, now.state, living: workers, in: folder, mostPoints: now.mostPoints, following: &trials)
    for id in trials.followers.keys { settled[id] = nil }
  }

  private func close() {
    opened = nil
    progress = nil
    settled = [:]
    readCount += 1
    version += 1
  }

  /// Determines the activity. The journal of an ended sweep looks like that of a killed one, but differs in the next
  /// action of a worker.
  ///
  /// - Returns: why the sweep cannot continue, if it cannot.
  private func judge() -> String? {
    guard let progress, progress.jobs == 0 else {
      activity = .running
      return nil
    }
    if verdict?.readCount != readCount {
      let scheduler = SweepScheduler(progress.results.definition)
      do throws(RunError) {
        let (_, action) = try scheduler.next(progress.results.state, worker: "") { _ in false }
        if case .done = action {
          verdict = (readCount, .finished, nil)
        } else {
          verdict = (readCount, .interrupted, nil)
        }
      } catch {
        verdict = (readCount, .failed, error.description)
      }
    }
    activity = verdict?.activity ?? .interrupted
    return verdict?.problem
  }

  /// The page's data and its version, which is not the newest as long as trials are still to be read.
  package func page() -> (version: Int, data: JSON)? {
    guard let progress else { return nil }
    let drawn = version
    let end = ContinuousClock.now + patience
    var (read, unread) = (0, 0)
    let ranking = "\(progress.results.ranking)"
    if importance?.ranking != ranking { importance = (ranking, progress.results.importance) }
    let data = progress.results.page(importance: importance?.value) { trial, buckets in
      if let follower = trials.followers[trial.id] {
        return (try? follower.log()).map { TrialRecords($0, buckets: buckets) }
      }
      let place = folder.trial(trial.id)
      let file = FileStamp(place.appending(path: MetricsWriter.fileName))
      if let known = settled[trial.id], known.file == file { return known.records }
      guard read == 0 || ContinuousClock.now < end else {
        unread += 1
        return nil
      }
      let records = (try? RunLog.read(folder: place)).map { TrialRecords($0, buckets: buckets) }
      settled[trial.id] = (file, records)
      read += 1
      return records
    }
    if unread > 0 { version += 1 }
    let live = JSON.Member("live", progress.json(activity, unread: unread))
    return (drawn, JSON(.object((data.members ?? []) + [live])))
  }
}

extension SweepProgress {
  /// The part of the page that changes while a sweep runs.
  ///
  /// - Parameter unread: the number of trials whose records are still to be read.
  func json(_ activity: RunActivity, unread: Int) -> JSON {
    let trials = running.map { one -> (String, JSON) in
      (
        one.id,
        [
          "step": one.step?.step ?? 0, "total_steps": one.totalSteps,
          "loss": one.step.flatMap { $0.loss.isFinite ? Double($0.loss) : nil }, "seconds": one.seconds.rounded(),
        ]
      )
    }
    return [
      "state": activity.rawValue, "running": running.count, "waiting": waitingCount, "unread": unread,
      "most_trials": mostTrials, "remaining": remaining?.rounded(), "trials": JSON.object(trials),
    ]
  }

  /// The entry of a sweep in a list.
  package func summary(_ activity: RunActivity) -> [(String, JSON)] {
    let summary: JSON = [
      "sweep": results.definition.name, "state": activity.rawValue,
      "method": results.definition.settings.method.rawValue, "metric": results.definition.metric.name,
      "best": results.ranking.first?.value, "finished": results.finishedCount, "failed": results.failedCount,
      "running": running.count, "waiting": waitingCount,
      "trial_count": max(results.trials.count, mostTrials ?? 0), "remaining": remaining?.rounded(),
    ]
    return (summary.members ?? []).map { ($0.key, $0.value) }
  }
}
