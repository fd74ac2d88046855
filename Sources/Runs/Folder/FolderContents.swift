import Files
import Foundation

/// The names in a folder that a run or a sweep is to have for itself.
package struct FolderContents {
  private let names: Set<String>

  /// Nil where there is no folder, or none that can be read: making it says why.
  package init?(_ url: URL) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: url.path) else { return nil }
    self.names = Set(names)
  }

  /// The first name of somebody else's file. Hidden files and those of a file system do not count.
  ///
  /// - Parameter own: the names of the caller's files, given all names. Their unfinished replacements are the caller's too.
  package func first(besides own: (Set<String>) -> Set<String>) -> String? {
    let ownNames = own(names)
    return names.sorted().first { name in
      !ownNames.contains(ReplacementFile.targetName(of: name) ?? name) && !name.hasPrefix(".") && name != "lost+found"
    }
  }
}
