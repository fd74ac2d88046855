import Checkpoints
import Configuration
import Files
import Foundation
import JSON
import Metrics

/// A run's folder: `config.json` as given, `config.resolved.json`, checkpoints and records.
///
/// Nothing in it is ever replaced without being asked for; an open folder is locked, so two processes cannot train into it.
package final class RunFolder: Sendable {
  package let url: URL
  /// The resolved configuration that the run belongs to.
  package let resolved: JSON
  private let lock: FileLock

  static let configurationName = "config.json"
  static let initialParametersName = "init-from.txt"
  /// Bytes of a file that holds a file's name.
  private static let longestName = 1 << 16

  package var checkpoints: CheckpointFolder { CheckpointFolder(url) }

  private init(url: URL, resolved: JSON, lock: FileLock) {
    self.url = url
    self.resolved = resolved
    self.lock = lock
  }

  /// `checkpoints/<name>`, or what the command line says.
  package static func url(name: String, override: String?) -> URL {
    URL(fileURLWithPath: override ?? "checkpoints/\(name)", isDirectory: true)
  }

  /// Makes the folder of a new run.
  ///
  /// - Parameters:
  ///   - isFresh: moves a run that is already there to `<name>.old-<n>` instead of refusing.
  ///   - initialParameters: the file that the parameters came from, if they did not come from the seed.
  ///   - say: told where an old run went.
  package static func create(
    _ url: URL, given: JSON, resolved: JSON, isFresh: Bool, initialParameters: String? = nil, say: (String) -> Void
  ) throws(RunError) -> RunFolder {
    if isFresh, holdsRun(url) {
      let kept = try moveAside(url)
      say("kept the old run as \(kept.path)")
    }
    try refuseTaken(url)
    try makeFolder(url)
    let lock = try takeLock(url)
    // Another process may have made its run here just before the lock was taken.
    try refuseTaken(url)
    if let initialParameters { try write(initialParameters + "\n", to: url.appending(path: initialParametersName)) }
    try write(given.prettyText + "\n", to: url.appending(path: configurationName))
    try write(resolved.prettyText + "\n", to: url.appending(path: RunFiles.resolvedConfiguration))
    return RunFolder(url: url, resolved: resolved, lock: lock)
  }

  /// Refuses a folder that holds a run, or files of others: nothing in it may be replaced, removed or taken for a part of
  /// the new run.
  package static func refuseTaken(_ url: URL) throws(RunError) {
    guard !holdsRun(url) else {
      throw RunError(
        .configuration,
        "\(url.relativePath): there is a run of this name already; resume it with --resume, start over with --fresh "
          + "(the old run is kept beside it), or give another --run-dir")
    }
    guard let foreign = FolderContents(url)?.first(besides: Self.startNames) else { return }
    throw RunError(
      .configuration,
      "\(url.relativePath): holds \(foreign), which no run has made; give a new or an empty folder with --run-dir")
  }

  /// The files of a run that was killed before it began. Only the lock, which is made first, tells them from a user's.
  private static func startNames(_ names: Set<String>) -> Set<String> {
    let trial: Set = ["trial.json", "trial.out", "trial.err"]
    guard names.contains(RunFiles.lock) else { return trial }
    return trial.union([RunFiles.lock, configurationName, initialParametersName, RunFiles.resolvedConfiguration])
  }

  /// Whether there is a run in the folder already: a configuration that a run has resolved, or records and their lock.
  package static func holdsRun(_ url: URL) -> Bool {
    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: url.appending(path: name).path) }
    return has(RunFiles.resolvedConfiguration) || has(MetricsWriter.fileName) && has(RunFiles.lock)
  }

  /// The file that the run's first parameters came from; nil where the seed says them.
  package var initialParameters: String? { Self.initialParameters(of: url) }

  /// The same of a run whose folder is not locked.
  package static func initialParameters(of url: URL) -> String? {
    let path = url.appending(path: initialParametersName).path
    let bytes = try? FileSystemCalls.real.contents(of: path, largest: longestName)
    return bytes.map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .newlines) }
  }

  /// Opens the folder of a run to go on with it.
  package static func open(_ url: URL) throws(RunError) -> RunFolder {
    let resolved = try configuration(of: url)
    return RunFolder(url: url, resolved: resolved, lock: try takeLock(url))
  }

  /// The resolved configuration of a run, without locking its folder.
  package static func configuration(of url: URL) throws(RunError) -> JSON {
    let file = url.appending(path: RunFiles.resolvedConfiguration)
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw RunError(
        .configuration,
        "\(url.relativePath): no run here to resume (\(RunFiles.resolvedConfiguration) is missing); start one without --resume"
      )
    }
    do throws(ConfigurationError) {
      return try ConfigurationFile.load(file.path)
    } catch {
      throw RunError(.configuration, error.description)
    }
  }

  /// Refuses a checkpoint that another run has left here, which would be taken for this run's own.
  package func requireOwn(_ checkpoint: CheckpointSummary) throws {
    let writer = try checkpoint.metadata.configuration(of: checkpoint.url)
    guard let path = try RunConfiguration(resolved).computedDifference(from: writer) else { return }
    let name = checkpoint.url.lastPathComponent
    throw RunError(
      .configuration,
      "\(checkpoint.url.relativePath): is the checkpoint of another run (\(path) differs); move \(name) and "
        + "\(name).sha256 away")
  }

  /// The same folder with a changed configuration, which a resumed run goes on with.
  package func replacingConfiguration(_ resolved: JSON) throws(RunError) -> RunFolder {
    try Self.write(resolved.prettyText + "\n", to: url.appending(path: RunFiles.resolvedConfiguration))
    return RunFolder(url: url, resolved: resolved, lock: lock)
  }

  private static func moveAside(_ url: URL) throws(RunError) -> URL {
    for number in 1... {
      let target = url.deletingLastPathComponent().appending(
        path: "\(url.lastPathComponent).old-\(number)", directoryHint: .isDirectory)
      guard !FileManager.default.fileExists(atPath: target.path) else { continue }
      let lock = try takeLock(url)
      defer { withExtendedLifetime(lock) {} }
      try RunError.files { () throws(FileError) in try FileSystemCalls.real.rename(url.path, to: target.path) }
      return target
    }
    return url
  }

  /// A process that is ending, or one between fork and exec, holds on to a lock a little longer.
  private static let lockAttempts = 10

  private static func takeLock(_ folder: URL) throws(RunError) -> FileLock {
    do throws(FileError) {
      return try FileLock(folder.appending(path: RunFiles.lock), attempts: lockAttempts)
    } catch {
      guard error.isHeldElsewhere else { throw RunError(error) }
      throw RunError("\(folder.path): another process is training this run; wait for it or give another --run-dir")
    }
  }

  /// Makes the folder and those above it that are missing.
  private static func makeFolder(_ url: URL) throws(RunError) {
    do throws(FileError) {
      try FileSystemCalls.real.makeFolder(url.absoluteURL.standardizedFileURL.path)
    } catch {
      throw RunError("cannot make the run folder \(url.relativePath): \(error)")
    }
  }

  private static func write(_ text: String, to file: URL) throws(RunError) {
    try RunError.files { () throws(FileError) in try ReplacementFile.write(Array(text.utf8), to: file.path) }
  }
}
