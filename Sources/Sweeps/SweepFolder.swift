import Foundation
import JSONValues
import Pipeline

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
    if FileManager.default.fileExists(atPath: url.appending(path: "config.resolved.json").path) {
      throw RunError(
        .configuration, "\(url.relativePath): there is a run of this name; give the sweep another name or --sweep-dir")
    }
    for part in ["trials", "workers"] { try Self.makeFolder(url.appending(path: part, directoryHint: .isDirectory)) }
  }

  static func makeFolder(_ url: URL) throws(RunError) {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw RunError("cannot make the folder \(url.relativePath): \((error as NSError).localizedDescription)")
    }
  }

  /// Puts a file in the place of an earlier one at once.
  func write(_ text: String, to file: URL) throws(RunError) {
    do {
      try Data(text.utf8).write(to: file, options: .atomic)
    } catch {
      throw RunError("cannot write \(file.relativePath): \((error as NSError).localizedDescription)")
    }
  }

  /// Everything that a journal says, without writing to it.
  package func read(_ definition: SweepDefinition) throws(RunError) -> SweepState {
    guard holdsSweep else {
      throw RunError(.configuration, "\(url.relativePath): expected the folder of a sweep (\(Journal.name) is missing)")
    }
    let journal = try Journal(folder: url, creates: false)
    var state = SweepState(definition)
    for (entry, time) in try journal.news() {
      if case .sweep(let header) = entry {
        try header.require(definition, in: self, advice: "restore \(self.definition.lastPathComponent)")
      }
      try state.apply(entry, time: time)
    }
    guard state.header != nil else {
      throw RunError("\(journal.path): does not begin with its sweep; restore the file")
    }
    return state
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

/// A lock that a worker holds while it lives; the kernel drops it with the process.
final class WorkerLock: Sendable {
  private let descriptor: Int32

  init(_ file: URL) throws(RunError) {
    descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw RunError("cannot lock \(file.relativePath): \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  /// Whether a living process holds the lock of `file`.
  static func isHeld(_ file: URL) -> Bool {
    let descriptor = open(file.path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // Any other error, of a file system without locks, tells of nobody; taken for a lock it would be waited for.
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
