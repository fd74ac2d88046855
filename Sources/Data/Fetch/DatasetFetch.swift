import Files
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
    do throws(FileError) {
      try FileSystemCalls.real.makeFolder(workFolder)
    } catch {
      throw FetchError(error, advice: "choose another folder with --into")
    }
    let lock = try lockWorkFolder()
    defer { withExtendedLifetime(lock) {} }
    for file in source.files { try await bring(file, report) }
    if !source.contents.isEmpty {
      for file in source.files {
        report(.unpacks(file: file.name))
        try PackedFolder.unpack(workFolder + "/" + file.name, taking: source.contents, into: workFolder)
        unlink(workFolder + "/" + file.name)
      }
    }
    // An empty folder of that name would be replaced; one with anything in it never is.
    try give(folder, to: workFolder, advice: "the files are complete in \(workFolder)")
  }

  private func bring(_ file: DatasetSource.File, _ report: @escaping @Sendable (Event) -> Void) async throws(FetchError)
  {
    let path = workFolder + "/" + file.name
    if FileManager.default.fileExists(atPath: path), try md5(of: path) == file.md5 {
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
      if try md5(of: part) == file.md5 { break }
      unlink(part)
      if case .notResumable = outcome, !hasStartedOver {
        hasStartedOver = true
        continue
      }
      throw FetchError(
        "\(url)", "is not the file with the MD5 digest \(file.md5)",
        advice: "run the command again; if it stays so, try another home with --from")
    }
    try give(path, to: part, advice: "check the folder")
  }

  private func give(_ name: String, to path: String, advice: String) throws(FetchError) {
    do throws(FileError) {
      try FileSystemCalls.real.rename(path, to: name)
    } catch {
      throw FetchError(name, "cannot be given its name: \(error.reason)", advice: advice)
    }
  }

  /// Keeps two fetches from writing the same files.
  private func lockWorkFolder() throws(FetchError) -> FileLock {
    do throws(FileError) {
      return try FileLock(folder: workFolder)
    } catch {
      throw error.isHeldElsewhere
        ? FetchError(workFolder, "is being written by another troupe", advice: "wait until it is done")
        : FetchError(error, advice: "choose another folder with --into")
    }
  }

  /// 32 lowercase hexadecimal digits.
  private func md5(of path: String) throws(FetchError) -> String {
    guard var digest = Digest(.md5) else {
      throw FetchError(path, "cannot be checked: OpenSSL offers no MD5 here", advice: "allow it in OpenSSL's settings")
    }
    do throws(FileError) {
      try digest.update(FileSystemCalls.real.open(path))
    } catch {
      throw FetchError(error, advice: "check the folder's permissions and the disk")
    }
    return digest.hexadecimal()
  }
}
