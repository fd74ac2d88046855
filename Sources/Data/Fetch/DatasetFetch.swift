import Foundation

/// Brings a public data set into a folder: downloads, checks, unpacks, and only then gives the folder its name.
///
/// Until then everything is in `<folder>.part`, from which a later fetch resumes.
package struct DatasetFetch: Sendable {
  package enum Event: Sendable {
    case begins(file: String, url: String)
    case receives(file: String, bytes: Int, total: Int?)
    /// From an earlier fetch.
    case has(file: String)
    case unpacks(file: String)
  }

  private let source: DatasetSource
  private let home: String
  private let folder: String

  private var workFolder: String { folder + ".part" }

  /// - Parameters:
  ///   - folder: must not exist.
  ///   - base: the address of the files, instead of the source's home.
  package init(_ source: DatasetSource, into folder: String, from base: String? = nil) throws(DataError) {
    let home = base ?? source.home
    guard let url = URL(string: home), ["http", "https"].contains(url.scheme?.lowercased()), url.host != nil else {
      throw DataError(home, expected: "an address that begins with http:// or https://", found: "another")
    }
    self.source = source
    self.home = home.hasSuffix("/") ? home : home + "/"
    self.folder = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    guard !FileManager.default.fileExists(atPath: self.folder) else {
      throw DataError(
        self.folder, expected: "no folder of that name", found: "one", advice: "remove it or choose another with --into"
      )
    }
  }

  /// - Throws: `FetchError`, and `DataError` for errors in an archive.
  package func run(_ report: @escaping @Sendable (Event) -> Void) async throws {
    do {
      try FileManager.default.createDirectory(atPath: workFolder, withIntermediateDirectories: true)
    } catch {
      throw FetchError(workFolder, "cannot be made", advice: "choose another folder with --into")
    }
    let lock = try FolderLock.take(workFolder)
    for file in source.files { try await bring(file, report) }
    if !source.contents.isEmpty {
      for file in source.files {
        report(.unpacks(file: file.name))
        try PackedFolder.unpack(workFolder + "/" + file.name, taking: source.contents, into: workFolder)
        unlink(workFolder + "/" + file.name)
      }
    }
    // An empty folder of that name would be replaced; one with anything in it never is.
    guard rename(workFolder, folder) == 0 else {
      throw FetchError(
        folder, "cannot be given its name: \(String(cString: strerror(errno)))",
        advice: "the files are complete in \(workFolder)")
    }
    lock.release()
  }

  private func bring(_ file: DatasetSource.File, _ report: @escaping @Sendable (Event) -> Void) async throws(FetchError)
  {
    let path = workFolder + "/" + file.name
    if FileManager.default.fileExists(atPath: path), try FileDigest.md5(of: path) == file.md5 {
      return report(.has(file: file.name))
    }
    guard let url = URL(string: home + file.name) else {
      throw FetchError(home + file.name, "is no address", advice: "check --from")
    }
    let part = path + ".part"
    report(.begins(file: file.name, url: "\(url)"))
    var hasStartedOver = false
    while true {
      let outcome = await Download.run(url, to: part) { received, total in
        report(.receives(file: file.name, bytes: received, total: total))
      }
      switch outcome {
      case .failed(let error): throw error
      case .complete, .notResumable: break
      }
      if try FileDigest.md5(of: part) == file.md5 { break }
      unlink(part)
      if case .notResumable = outcome, !hasStartedOver {
        hasStartedOver = true
        continue
      }
      throw FetchError(
        "\(url)", "is not the file with the MD5 digest \(file.md5)",
        advice: "run the command again; if it stays so, try another home with --from")
    }
    guard rename(part, path) == 0 else {
      throw FetchError(
        path, "cannot be given its name: \(String(cString: strerror(errno)))", advice: "check the folder")
    }
  }
}

/// Keeps two fetches from writing the same files.
private struct FolderLock: ~Copyable {
  fileprivate let descriptor: Int32

  static func take(_ folder: String) throws(FetchError) -> FolderLock {
    let lock = FolderLock(descriptor: open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    guard lock.descriptor >= 0, flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw FetchError(folder, "is being written by another troupe", advice: "wait until it is done")
    }
    return lock
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Ends the lock, which is held until this call.
  consuming func release() {}
}
