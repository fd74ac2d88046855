import FoundationEssentials
import Glibc

/// Finds the run folders below a folder.
package enum RunSearch {
  /// A run folder has one of these files from its beginning.
  private static let marks = [RunFiles.resolvedConfiguration, MetricsWriter.fileName]
  /// The deepest searched folder; a sweep's trials are three deep.
  static let deepest = 6
  /// The most searched folders, so that a search from the root ends.
  static let mostFolders = 20_000

  /// Whether `folder` holds a run of `troupe train`.
  package static func isRun(_ folder: URL) -> Bool {
    marks.contains { access(folder.appending(path: $0).systemPath, R_OK) == 0 }
  }

  /// `folder` itself if it is a run, or else the runs below it, sorted by path.
  ///
  /// Hidden folders, links and folders inside of runs are not searched. A folder that is removed meanwhile is left out.
  package static func runs(below folder: URL) -> [URL] { search(folder).runs }

  /// The same, and separately the folders with a file named `mark`, which are not searched further.
  package static func search(_ folder: URL, mark: String? = nil) -> (runs: [URL], marked: [URL]) {
    func isMarked(_ place: URL) -> Bool {
      mark.map { access(place.appending(path: $0).systemPath, R_OK) == 0 } ?? false
    }
    if isRun(folder) { return ([folder], []) }
    if isMarked(folder) { return ([], [folder]) }
    var (found, marked): ([URL], [URL]) = ([], [])
    var waiting = [(folder: folder, depth: 0)]
    var looked = 0
    while let (place, depth) = waiting.popLast(), looked < mostFolders {
      looked += 1
      let names = (try? FileManager.default.contentsOfDirectory(atPath: place.systemPath)) ?? []
      for name in names where !name.hasPrefix(".") {
        let inner = place.appending(path: name, directoryHint: .isDirectory)
        var status = stat()
        guard lstat(place.appending(path: name).systemPath, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
          continue
        }
        if isRun(inner) {
          found.append(inner)
        } else if isMarked(inner) {
          marked.append(inner)
        } else if depth < deepest {
          waiting.append((inner, depth + 1))
        }
      }
    }
    return (found.sorted { $0.path < $1.path }, marked.sorted { $0.path < $1.path })
  }

  /// The path of `run` relative to `folder`; the run's own name where they are the same.
  package static func name(of run: URL, in folder: URL) -> String {
    let outer = folder.standardizedFileURL.systemPath.trimmingSlashes
    let inner = run.standardizedFileURL.systemPath.trimmingSlashes
    guard inner.hasPrefix(outer + "/") else { return run.standardizedFileURL.lastPathComponent }
    return String(inner.dropFirst(outer.count + 1))
  }
}

extension String {
  /// Without the slashes at its end.
  fileprivate var trimmingSlashes: String {
    var text = self[...]
    while text.count > 1, text.hasSuffix("/") { text.removeLast() }
    return String(text)
  }
}
