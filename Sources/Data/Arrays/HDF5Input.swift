import Files
import Formats
import Tensors

/// An HDF5 file of a data set, whose errors name the file.
struct HDF5Input {
  let path: String
  private let file: HDF5File

  init(path: String, allowsExternal: Bool = false) throws(DataError) {
    self.path = path
    file = try Self.reading(path) { try HDF5File(path: path, allowsExternal: allowsExternal) }
  }

  /// The names in the root group.
  func rootNames() throws(DataError) -> [String] { try reading { try file.rootNames() } }

  /// The dataset at a path of group names.
  ///
  /// - Parameter limit: bytes of elements above which it is refused.
  func dataset(_ name: String, limit: Int) throws(DataError) -> HDF5Dataset {
    let dataset = try reading { try file.dataset(name) }
    guard dataset.byteCount <= limit else {
      throw DataError(
        path, at: "dataset \(DataError.quoted(name))", expected: "at most \(DataError.bytes(limit)) of elements",
        found: "\(dataset.type.name) \(dataset.shape)", advice: "raise max_bytes if the file is meant to be that large")
    }
    return dataset
  }

  /// Reads from this file; errors name it.
  func reading<Result>(_ body: () throws -> Result) throws(DataError) -> Result { try Self.reading(path, body) }

  private static func reading<Result>(_ path: String, _ body: () throws -> Result) throws(DataError) -> Result {
    do {
      return try body()
    } catch let error as HDF5Error {
      throw DataError(path, at: error.place, expected: error.expected, found: error.found, advice: error.advice)
    } catch let error as FileError {
      throw DataError(error)
    } catch {
      throw DataError(path, expected: "readable data", found: "\(error)")
    }
  }
}
