import Files
import Foundation
import JSON
import Metrics
import Runs

/// A sweep's folder: the journal, a run folder a trial, and the locks that living workers hold.
///
///     journal.jsonl   trials/<id>/   workers/<id>.lock   report.html   trials.csv
package struct SweepFolder: Sendable {
  package let url: URL

  package init(_ url: URL) { self.url = url }

  /// `checkpoints/<name>`, or what the command line says.
  package init(name: String, override: String?) {
    url = URL(fileURLWithPath: override ?? "checkpoints/\(name)", isDirectory: true)
  }

  package var journal: URL { url.appending(path: Journal.name) }
  package var holdsSweep: Bool { FileManager.default.fileExists(atPath: journal.path) }
  /// The sweep's definition, for what looks at the folder later.
  package var definition: URL { url.appending(path: "sweep.json") }
  package func trial(_ id: String) -> URL { url.appending(path: "trials/\(id)", directoryHint: .isDirectory) }
  func lock(ofWorker id: String) -> URL { url.appending(path: "workers/\(id).lock") }

  /// Makes the folder ready for a worker, or says why it is not one.
  package func prepare(resumes: Bool) throws(RunError) {
    if holdsSweep, !resumes {
      throw RunError(
        .configuration,
        "\(url.relativePath): there is a sweep of this name already; go on with it, or join in, with --resume, or give another "
          + "--sweep-dir")
    }
    if !holdsSweep, resumes {
      throw RunError(
        .configuration, "\(url.relativePath): no sweep here to go on with (\(Journal.name) is missing); drop --resume")
    }
    if FileManager.default.fileExists(atPath: url.appending(path: RunFiles.resolvedConfiguration).path) {
      throw RunError(
        .configuration, "\(url.relativePath): there is a run of this name; give the sweep another name or --sweep-dir")
    }
    for part in ["trials", "workers"] { try Self.makeFolder(url.appending(path: part, directoryHint: .isDirectory)) }
  }

  static func makeFolder(_ url: URL) throws(RunError) {
    try RunError.files { () throws(FileError) in try FileSystemCalls.real.makeFolder(url.path) }
  }

  /// Puts a file in the place of an earlier one at once.
  func write(_ text: String, to file: URL) throws(RunError) {
    try RunError.files { () throws(FileError) in try ReplacementFile.write(Array(text.utf8), to: file.path) }
  }

  /// Everything that a journal says, without writing to it.
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

  /// - Returns: whether there was any.
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

// Who is at work.
extension SweepFolder {
  /// A worker that has not been heard of for so long is given up, and its trials are taken over.
  static let lease = Duration.seconds(60)

  /// The workers of a sweep that live.
  package func living(in state: SweepState) -> [WorkerRecord] {
    state.workers.values.filter { isAlive($0, in: state) }
  }

  /// On this machine a worker's lock says whether it lives; of another machine's only its silence can tell.
  ///
  /// - Parameter silence: the time since the last word of it; nil where there was none.
  func isAlive(_ worker: WorkerRecord, silence: Duration?) -> Bool {
    if worker.isHere { return FileLock.isHeld(lock(ofWorker: worker.id)) }
    return silence.map { $0 < Self.lease } ?? false
  }

  /// Seconds; whatever a damaged journal says, this can be compared.
  private static let longestSilence = 1e9

  /// For who only looks: it believes the other machine's clock.
  private func isAlive(_ worker: WorkerRecord, in state: SweepState) -> Bool {
    let now = Date.now.timeIntervalSince1970
    return isAlive(
      worker, silence: state.lastWord(of: worker.id).map { .seconds(min(max(0, now - $0), Self.longestSilence)) })
  }
}

extension JournalHeader {
  /// Refuses another definition than the journal's.
  func require(_ definition: SweepDefinition, in folder: SweepFolder, advice: String) throws(RunError) {
    var difference = definition.identity.firstDifference(from: identity)
    if difference == nil, seeds != definition.seeds { difference = "seeds" }
    guard let path = difference else { return }
    throw RunError(
      .configuration,
      "\(folder.url.relativePath): belongs to another definition (\(path) is not the same); \(advice)")
  }
}
