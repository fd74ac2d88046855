import Formats
import Foundation

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
    case archive(RandomAccessFile, [TarArchive.Entry])
  }

  /// Largest image file that memory is allocated for.
  private static let mostFileBytes = 1 << 28
  private static let readable: Set<String> = ["jpg", "jpeg", "jpe", "jif", "jfif", "png"]
  /// Other images, which must not silently be missing: refused, or samples that cannot be read.
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
      try walk.visit("")
      names = try Self.images(among: walk.files, of: path, policy, name: { $0 })
      folders = walk.folders
      source = .folder(path)
    } else {
      let file = try RandomAccessFile(path: path)
      let archive = try TarArchive(file)
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
      source = .archive(file, entries)
    }
  }

  /// Reads the file number `index` of `names` over `bytes`.
  func read(_ index: Int, into bytes: inout [UInt8]) throws(ImageFailure) {
    switch source {
    case .archive(let archive, let entries):
      let entry = entries[index]
      try Self.checkSize(entry.size)
      try ImageFailure.reading { () throws(DataError) in
        try archive.read(at: UInt64(entry.offset), count: UInt64(entry.size), into: &bytes)
      }
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

  /// Whether files with this ending are images.
  fileprivate static func isImage(_ ending: String) -> Bool { readable.contains(ending) || unreadable.contains(ending) }

  /// The part of a file's name behind the last dot, in small letters; "" where there is no dot.
  static func ending(of name: String) -> String {
    let parts = name.split(separator: "/").last?.split(separator: ".", omittingEmptySubsequences: false) ?? []
    return parts.count < 2 ? "" : parts[parts.count - 1].lowercased()
  }

  /// The files that are images by their names, in order.
  private static func images<File>(
    among files: [File], of path: String, _ policy: BadSamplePolicy, name: (File) -> String
  ) throws(DataError) -> [File] {
    var images: [File] = []
    for file in files where !isHidden(name(file)) {
      let ending = ending(of: name(file))
      // The content decides what such a file is, as of all others.
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

  /// Whether a system put the file beside others: `.DS_Store`, `._1.jpg`, `__MACOSX/…`.
  static func isHidden(_ name: String) -> Bool {
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

extension TarArchive {
  fileprivate init(_ file: RandomAccessFile) throws(DataError) {
    do throws(TarError) {
      self = try TarArchive(byteCount: file.size) { (offset, count) throws(TarError) in
        do throws(DataError) {
          return try file.bytes(at: UInt64(offset), count: UInt64(count))
        } catch {
          throw TarError.source(error)
        }
      }
    } catch {
      throw DataError(file.path, error)
    }
  }
}

/// Collects files and folders by their paths below `root`, through links too.
private struct FolderWalk {
  let root: String
  private(set) var files: [String] = []
  private(set) var folders: [String] = []
  private var visited: Set<Identity> = []

  /// A folder, whatever leads to it.
  private struct Identity: Hashable {
    let device: dev_t
    let number: ino_t
  }

  init(root: String) { self.root = root }

  mutating func visit(_ folder: String) throws(DataError) {
    let path = folder.isEmpty ? root : root + "/" + folder
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw DataError(path, expected: "a readable folder", found: "one that cannot be listed")
    }
    for name in names where !ImageCollection.isHidden(name) {
      let inner = folder.isEmpty ? name : folder + "/" + name
      guard let identity = try folderIdentity(inner) else {
        files.append(inner)
        continue
      }
      // A folder that a link leads to again would be read for ever, or its samples counted twice.
      guard visited.insert(identity).inserted else {
        throw DataError(
          root, at: inner, expected: "every folder once", found: "one that a link leads to a second time",
          advice: "remove the link, or copy what it leads to")
      }
      folders.append(inner)
      try visit(inner)
    }
  }

  /// - Returns: nil for a file.
  /// - Throws: where a possible class cannot be looked up.
  private func folderIdentity(_ name: String) throws(DataError) -> Identity? {
    var status = stat()
    guard stat(root + "/" + name, &status) != 0 else {
      return status.st_mode & S_IFMT == S_IFDIR ? Identity(device: status.st_dev, number: status.st_ino) : nil
    }
    let reason = String(cString: strerror(errno))
    // An image is refused when it is read, unless its name already is not that of the file; another name with an
    // ending is no class.
    let ending = ImageCollection.ending(of: name)
    guard ending.isEmpty || name.isRepaired && ImageCollection.isImage(ending) else { return nil }
    throw DataError(
      root, at: name, expected: "a file or a folder with a name in UTF-8", found: "one that cannot be read (\(reason))",
      advice: "mend, rename or remove it")
  }
}
