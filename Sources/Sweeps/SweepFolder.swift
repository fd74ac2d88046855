import Files
import Foundation
import JSON
import Metrics
import Runs

/// A sweep's folder: the journal, a run folder per trial, and the locks of living workers.
///
///     journal.jsonl   trials/<id>/   workers/<id>.lock   report.html   trials.csv
package struct SweepFolder: Sendable {
  package let url: URL

  package init(_ url: URL) { self.url = url }

  /// `checkpoints/<name>`, or the folder on the command line.
  package init(name: String, override: String?) {
    url = URL(fileURLWithPath: override ?? "checkpoints/\(name)", isDirectory: true)
  }

  package var journal: URL { url.appending(path: Journal.name) }
  package var holdsSweep: Bool { FileManager.default.fileExists(atPath: journal.path) }
  /// The sweep's definition, for later readers of the folder.
  package var definition: URL { url.appending(path: "sweep.json") }
  package func trial(_ id: String) -> URL { url.appending(path: "trials/\(id)", directoryHint: .isDirectory) }
  func lock(ofWorker id: String) -> URL { url.appending(path: "workers/\(id).lock") }

  /// Prepares the folder for a worker.
  ///
  /// - Throws: where it holds something else than expected.
  package func prepare(resumes: Bool) throws(RunError) {
    if holdsSweep, !resumes {
      throw RunError(
        .configuration,
        "\(url.relativePath): there is a sweep of this name already; resume or join it with --resume, or give another "
          + "--sweep-dir")
    }
    if !holdsSweep, resumes {
      throw RunError(
        .configuration, "\(url.relativePath): no sweep here to resume (\(Journal.name) is missing); drop --resume")
    }
    if FileManager.default.fileExists(atPath: url.appending(path: RunFiles.resolvedConfiguration).path) {
      throw RunError(
        .configuration, "\(url.relativePath): there is a run of this name; give the sweep another name or --sweep-dir")
    }
    if !resumes, let foreign = FolderContents(url)?.first(besides: { _ in ["trials", "workers"] }) {
      throw RunError(
        .configuration,
        "\(url.relativePath): holds \(foreign), which no sweep has made; give a new or an empty folder with --sweep-dir")
    }
    for part in ["trials", "workers"] { try Self.makeFolder(url.appending(path: part, directoryHint: .isDirectory)) }
  }

  static func makeFolder(_ url: URL) throws(RunError) {
    try RunError.files { () throws(FileError) in try FileSystemCalls.real.makeFolder(url.path) }
  }

  /// Puts a file in the place of an earlier one at once.
  ///
  /// - Parameter own: refuses to replace any other file; nil where the folder is the sweep's.
  func write(_ text: String, to file: URL, replacing own: OwnFile? = nil) throws(RunError) {
    try RunError.files { () throws(FileError) in
      try ReplacementFile.write(Array(text.utf8), to: file.path, replacing: own)
    }
  }

  /// The state after all entries of the journal. Nothing is written.
  package func read(_ definition: SweepDefinition) throws(RunError) -> SweepState {
    guard holdsSweep else {
      throw RunError(.configuration, "\(url.relativePath): expected the folder of a sweep (\(Journal.name) is missing)")
    }
    let journal = try Journal(reading: url)
    var state = SweepState(definition)
    try readNews(of: journal, definition, into: &state)
    guard state.header != nil else {
      throw RunError("\(journal.path): does not begin with its sweep; restore the file")
    }
    return state.releasingClaims { isAlive($0, in: state) }
  }

  /// - Returns: whether there were new entries.
  @discardableResult
  func readNews(
    of journal: Journal, _ definition: SweepDefinition, into state: inout SweepState
  ) throws(RunError) -> Bool {
    let news = try journal.news()
    for (entry, time) in news {
      if case .sweep(let header) = entry {
        try header.require(definition, in: self, advice: "restore \(self.definition.lastPathComponent)")
      }
      try state.apply(entry, time: time)
    }
    return !news.isEmpty
  }
}

// Living workers.
extension SweepFolder {
  /// A worker of another machine that is silent for longer counts as dead, and others take its trials.
  static let lease = Duration.seconds(60)

  /// The living workers of a sweep.
  package func living(in state: SweepState) -> [WorkerRecord] {
    state.workers.values.filter { isAlive($0, in: state) }
  }

  /// Whether a worker lives: by its lock on this machine, by its silence on another.
  ///
  /// - Parameter silence: the time since the worker's last entry; nil without an entry.
  func isAlive(_ worker: WorkerRecord, silence: Duration?) -> Bool {
    if worker.isHere { return FileLock.isHeld(lock(ofWorker: worker.id)) }
    return silence.map { $0 < Self.lease } ?? false
  }

  /// Seconds; the bound makes the times of a damaged journal comparable.
  private static let longestSilence = 1e9

  /// The same for readers of the folder, which trust the other machine's clock.
  private func isAlive(_ worker: WorkerRecord, in state: SweepState) -> Bool {
    let now = Date.now.timeIntervalSince1970
    return isAlive(
      worker, silence: state.lastWord(of: worker.id).map { .seconds(min(max(0, now - $0), Self.longestSilence)) })
  }
}

extension JournalHeader {
  /// Refuses a definition that differs from the journal's.
  func require(_ definition: SweepDefinition, in folder: SweepFolder, advice: String) throws(RunError) {
    var difference = definition.identity.firstDifference(from: identity)
    if difference == nil, seeds != definition.seeds { difference = "seeds" }
    guard let path = difference else { return }
    throw RunError(
      .configuration,
      "\(folder.url.relativePath): belongs to another definition (\(path) differs); \(advice)")
  }
}
