import Configuration
import Files
import Foundation
import JSON
import Metrics
import Runs

/// Follows a sweep as it goes: reads each line of its journal once, and the records of its running trials.
///
/// A journal that another one has replaced is read from its first line. Nothing is ever written.
package final class SweepFollower {
  package let folder: SweepFolder
  /// Changes whenever there is something new.
  package private(set) var version = 0
  /// How it stands; nil where the sweep cannot be read, or not yet.
  package private(set) var progress: SweepProgress?
  package private(set) var activity = RunActivity.interrupted
  /// Why the sweep cannot be read, or cannot go on.
  package private(set) var problem: String?

  private var opened: Opened?
  /// The workers that lived at the last look.
  private var living: Set<String> = []
  private var trials = TrialFollowers(isSkimming: false)
  /// What has been read of trials that nobody trains now, as long as their files of records are the same.
  private var settled: [String: (file: FileStamp?, records: TrialRecords?)] = [:]
  /// The journal and the definition that could not be read: as long as they are the same, they cannot be read now either.
  private var failed: [FileStamp?]?
  /// The importance of parameters at a ranking: it takes a while to find out.
  private var importance: (ranking: String, value: ParameterImportance?)?
  private var last = ""
  /// How often there was something new in the journal.
  private var readCount = 0
  /// What follows from the journal as it was read then.
  private var verdict: (readCount: Int, activity: RunActivity, problem: String?)?

  private struct Opened {
    let journal: Journal
    let definition: SweepDefinition
    let definitionFile: FileStamp
    let mostPoints: Int?
    var state: SweepState
  }

  private let patience: Duration

  /// - Parameter patience: records of settled trials are read for so long at a time, and of one at least; what is left is
  ///   read the next time.
  package init(_ folder: SweepFolder, patience: Duration = .milliseconds(300)) {
    self.folder = folder
    self.patience = patience
  }

  /// Reads what is new.
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
      // A sweep that has just begun has a journal before it has a definition.
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
      // It is not known which lines counted: all are read again.
      close()
      throw error
    }
    opened = now
    guard now.state.header != nil else { return }
    let workers = folder.living(in: now.state)
    let ids = Set(workers.map(\.id))
    // A sweep that rests costs a few looks at files.
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

  /// One that has ended and one that was killed look alike in the journal: what a worker would do next tells.
  ///
  /// - Returns: why it cannot go on, if it cannot.
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

  /// What the page draws, and of which version that is: not the newest as long as trials are still to be read.
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
  /// What changes while a sweep goes on.
  ///
  /// - Parameter unread: trials whose records are still to be read.
  func json(_ activity: RunActivity, unread: Int) -> JSON {
    .object([
      ("state", .string(activity.rawValue)), ("running", .integer(running.count)), ("waiting", .integer(waitingCount)),
      ("unread", .integer(unread)), ("most_trials", mostTrials.map { .integer($0) } ?? .null),
      ("remaining", remaining.map { .number($0.rounded()) } ?? .null),
      (
        "trials",
        .object(
          running.map { one in
            (
              one.id,
              .object([
                ("step", .integer(one.step?.step ?? 0)), ("total_steps", one.totalSteps.map { .integer($0) } ?? .null),
                ("loss", one.step.flatMap { $0.loss.isFinite ? .number(Double($0.loss)) : nil } ?? .null),
                ("seconds", .number(one.seconds.rounded())),
              ])
            )
          })
      ),
    ])
  }

  /// What a list says of a sweep.
  package func summary(_ activity: RunActivity) -> [(String, JSON)] {
    let best = results.ranking.first
    return [
      ("sweep", .string(results.definition.name)), ("state", .string(activity.rawValue)),
      ("method", .string(results.definition.settings.method.rawValue)),
      ("metric", .string(results.definition.metric.name)), ("best", best.map { .number($0.value) } ?? .null),
      ("finished", .integer(results.finishedCount)), ("failed", .integer(results.failedCount)),
      ("running", .integer(running.count)), ("waiting", .integer(waitingCount)),
      ("trial_count", .integer(max(results.trials.count, mostTrials ?? 0))),
      ("remaining", remaining.map { .number($0.rounded()) } ?? .null),
    ]
  }
}
