import Foundation
import ImageFiles

/// The image files in a folder and all folders below it, or in a tar archive that is read in place.
struct ImageCollection: Sendable {
  /// Images by their paths inside, parts apart by "/", in ascending order of their bytes.
  let names: [String]
  /// Folders, by such paths; an archive need not name all that it has.
  let folders: [String]
  private let source: Source

  private enum Source: Sendable {
    case folder(String)
    /// Entries in the order of `names`.
    case archive(TarArchive, [TarArchive.Entry])
  }

  /// Larger image files are refused before memory is taken for them.
  private static let mostFileBytes = 1 << 28
  private static let readable: Set<String> = ["jpg", "jpeg", "jpe", "jif", "jfif", "png"]
  /// Pictures that must not be left out without a word: refused, or samples that cannot be read.
  private static let unreadable: Set<String> = [
    "bmp", "gif", "heic", "jp2", "pgm", "ppm", "tif", "tiff", "webp", "avif",
  ]

  init(path: String, onBadSample policy: BadSamplePolicy) throws(DataError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DataError(path, expected: "a folder or a tar archive of images", found: "nothing of that name")
    }
    if isFolder.boolValue {
      var walk = FolderWalk(root: path)
      try walk.visit("", depth: 0)
      names = try Self.images(among: walk.files, of: path, policy, name: { $0 })
      folders = walk.folders
      source = .folder(path)
    } else {
      let archive = try TarArchive(path: path)
      var entries: [TarArchive.Entry] = []
      for var entry in archive.files {
        entry.name = try Self.inside(entry.name, of: path)
        entries.append(entry)
      }
      entries = try Self.images(among: entries, of: path, policy, name: { $0.name })
      names = entries.map(\.name)
      for (name, next) in zip(names, names.dropFirst()) where name.utf8.elementsEqual(next.utf8) {
        throw DataError(path, expected: "every file once", found: "\(DataError.quoted(name)) twice")
      }
      var folders: [String] = []
      for folder in archive.folders { folders.append(try Self.inside(folder, of: path)) }
      self.folders = folders.filter { !Self.isHidden($0) && !$0.isEmpty }
      source = .archive(archive, entries)
    }
  }

  /// Reads the file number `index` of `names` over `bytes`.
  func read(_ index: Int, into bytes: inout [UInt8]) throws(ImageFailure) {
    switch source {
    case .archive(let archive, let entries):
      try Self.checkSize(entries[index].size)
      try ImageFailure.reading { () throws(DataError) in try archive.read(entries[index], into: &bytes) }
    case .folder(let folder):
      let file = try ImageFailure.reading { () throws(DataError) in
        try RandomAccessFile(path: folder + "/" + names[index])
      }
      try Self.checkSize(file.size)
      try ImageFailure.reading { () throws(DataError) in
        try file.read(at: 0, count: UInt64(file.size), into: &bytes)
      }
    }
  }

  private static func checkSize(_ size: Int) throws(ImageFailure) {
    guard size <= mostFileBytes else {
      throw .badSample(
        ImageError(
          "file", expected: "at most \(DataError.bytes(mostFileBytes))", found: DataError.bytes(size),
          advice: "make the image smaller"))
    }
  }

  static func isReadable(_ name: String) -> Bool { readable.contains(ending(of: name)) }

  private static func ending(of name: String) -> String {
    name.split(separator: ".").last.map { $0.lowercased() } ?? ""
  }

  /// Those that are images by their names, in order.
  private static func images<File>(
    among files: [File], of path: String, _ policy: BadSamplePolicy, name: (File) -> String
  ) throws(DataError) -> [File] {
    var images: [File] = []
    for file in files where !isHidden(name(file)) {
      let ending = ending(of: name(file))
      // What such a file is, its content says, as of all others.
      if readable.contains(ending) || policy == .skip && unreadable.contains(ending) {
        images.append(file)
      } else if unreadable.contains(ending) {
        throw DataError(
          path, at: name(file), expected: "JPEG or PNG images", found: "a file that ends in .\(ending)",
          advice: "convert it to PNG, leave it out, or " + ImageFailure.skippingAdvice)
      }
    }
    return images.sorted { name($0).utf8.lexicographicallyPrecedes(name($1).utf8) }
  }

  /// Whether the file is one that systems put beside others: `.DS_Store`, `._1.jpg`, `__MACOSX/…`.
  private static func isHidden(_ name: String) -> Bool {
    name.split(separator: "/").contains { $0.hasPrefix(".") || $0 == "__MACOSX" }
  }

  /// An archive's name without "./" and doubled slashes.
  private static func inside(_ name: String, of path: String) throws(DataError) -> String {
    let parts = name.split(separator: "/").filter { $0 != "." }
    guard !name.hasPrefix("/"), !parts.contains("..") else {
      throw DataError(
        path, expected: "names inside the archive", found: DataError.quoted(name), advice: "pack the archive anew")
    }
    return parts.joined(separator: "/")
  }
}

/// Collects files and folders by their paths below `root`.
private struct FolderWalk {
  let root: String
  var files: [String] = []
  var folders: [String] = []

  /// Down to classes, links to folders are followed; further down they might lead in circles.
  private static let deepestLink = 2

  init(root: String) { self.root = root }

  mutating func visit(_ folder: String, depth: Int) throws(DataError) {
    let path = folder.isEmpty ? root : root + "/" + folder
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw DataError(path, expected: "a readable folder", found: "one that cannot be listed")
    }
    for name in names where !name.hasPrefix(".") {
      let inner = folder.isEmpty ? name : folder + "/" + name
      guard try isFolder(inner, depth: depth) else {
        files.append(inner)
        continue
      }
      folders.append(inner)
      try visit(inner, depth: depth + 1)
    }
  }

  /// - Throws: where a class or a part of one would be left out without a word.
  private func isFolder(_ name: String, depth: Int) throws(DataError) -> Bool {
    var (own, target) = (stat(), stat())
    guard lstat(root + "/" + name, &own) == 0 else {
      throw DataError(
        root, at: name, expected: "a name in UTF-8", found: "one that cannot be looked up", advice: "rename it")
    }
    guard own.st_mode & S_IFMT == S_IFLNK else { return own.st_mode & S_IFMT == S_IFDIR }
    guard stat(root + "/" + name, &target) == 0 else {
      // A picture that leads nowhere is a sample that cannot be read, which is said when it is.
      if ImageCollection.isReadable(name) { return false }
      throw DataError(
        root, at: name, expected: "a file or a folder", found: "a link that leads nowhere", advice: "mend or remove it")
    }
    guard target.st_mode & S_IFMT == S_IFDIR else { return false }
    guard depth < Self.deepestLink else {
      throw DataError(
        root, at: name, expected: "links to folders above the classes' content, or to the classes themselves",
        found: "one further down, which might lead in circles", advice: "put the folder itself there")
    }
    return true
  }
}
