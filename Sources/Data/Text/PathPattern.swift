import Configuration
import Foundation

/// Files named by a pattern: `*` stands for any characters of a name, `?` for one, `**` for any folders or none.
///
/// Names that begin with a dot must be asked for with a dot; `**` does not follow links to folders.
struct PathPattern {
  /// Most files of a corpus.
  static let mostFiles = 1 << 20
  private static let deepest = 128

  private let parts: [String]
  private var found: Set<String> = []
  private var visited: Set<Visit> = []

  private struct Visit: Hashable {
    let folder: String
    let part: Int
  }

  static func isPattern(_ path: String) -> Bool { path.contains("*") || path.contains("?") }

  /// The files in `folder` (empty for the current one) that `pattern` names, in the order of their paths' bytes.
  static func files(_ pattern: String, in folder: String = "") throws(DataError) -> [String] {
    var search = PathPattern(pattern)
    let isAbsolute = folder.isEmpty && pattern.hasPrefix("/")
    try search.walk(isAbsolute ? "/" : folder, part: 0, depth: 0)
    return search.found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private init(_ pattern: String) {
    var parts: [String] = []
    for part in pattern.split(separator: "/").map(String.init) where !(part == "**" && parts.last == "**") {
      parts.append(part)
    }
    if parts.last == "**" { parts.append("*") }
    self.parts = parts
  }

  private mutating func walk(_ folder: String, part: Int, depth: Int) throws(DataError) {
    guard part < parts.count, depth <= Self.deepest, visited.insert(Visit(folder: folder, part: part)).inserted else {
      return
    }
    let name = parts[part]
    let isLast = part == parts.count - 1
    if name == "**" {
      try walk(folder, part: part + 1, depth: depth)
      for entry in entries(folder) where !entry.hasPrefix(".") {
        let path = join(folder, entry)
        // A file is looked at by the part behind; a folder's name has no ending as a rule.
        if !entry.contains(".") { try checkName(path) }
        guard isFolder(path, followsLinks: false) else { continue }
        try walk(path, part: part, depth: depth + 1)
      }
      return
    }
    let glob = Glob(name)
    let matching = Self.isPattern(name) ? entries(folder).filter { Self.matches($0, glob) } : [name]
    for entry in matching {
      let path = join(folder, entry)
      try checkName(path)
      if !isLast {
        if isFolder(path, followsLinks: true) { try walk(path, part: part + 1, depth: depth + 1) }
      } else if FileManager.default.fileExists(atPath: path), !isFolder(path, followsLinks: true) {
        found.insert(path)
        guard found.count <= Self.mostFiles else {
          throw DataError(parts.joined(separator: "/"), expected: "at most \(Self.mostFiles) files", found: "more")
        }
      }
    }
  }

  /// Refuses a file that would silently be missing.
  private func checkName(_ path: String) throws(DataError) {
    guard path.isRepaired, !FileManager.default.fileExists(atPath: path) else { return }
    throw DataError(
      path, expected: "a file or a folder with a name in UTF-8", found: "one that cannot be found by its name",
      advice: "rename or remove it")
  }

  private func join(_ folder: String, _ name: String) -> String {
    folder.isEmpty ? name : folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  private func entries(_ folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
  }

  private func isFolder(_ path: String, followsLinks: Bool) -> Bool {
    if !followsLinks {
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      return attributes?[.type] as? FileAttributeType == .typeDirectory
    }
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// Whether a whole name matches; one that begins with a dot only where the pattern does, too.
  private static func matches(_ name: String, _ pattern: Glob) -> Bool {
    (!name.hasPrefix(".") || pattern.pattern.hasPrefix(".")) && pattern.matches(name)
  }
}

extension String {
  /// Whether bytes that were not UTF-8 may have been replaced in it.
  var isRepaired: Bool { unicodeScalars.contains("\u{FFFD}") }
}
