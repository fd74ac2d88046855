import Formats

/// An HDF5 file of a data set, whose errors name the file.
struct HDF5Input {
  let path: String
  private let file: HDF5File

  init(path: String) throws(DataError) {
    self.path = path
    let bytes = try RandomAccessFile(path: path)
    file = try Self.reading(path) { () throws(HDF5Error) in
      try HDF5File(byteCount: bytes.size) { (offset, count) throws(HDF5Error) in
        do throws(DataError) {
          return try bytes.bytes(at: offset, count: count)
        } catch {
          throw HDF5Error.source(error)
        }
      }
    }
  }

  /// The names in the root group.
  func rootNames() throws(DataError) -> [String] {
    try reading { () throws(HDF5Error) in try file.rootNames() }
  }

  /// The dataset at a path of group names.
  ///
  /// - Parameter limit: bytes of elements above which it is refused.
  func dataset(_ name: String, limit: Int) throws(DataError) -> HDF5Dataset {
    let dataset = try reading { () throws(HDF5Error) in try file.dataset(name) }
    guard dataset.byteCount <= limit else {
      throw DataError(
        path, at: "dataset \(DataError.quoted(name))", expected: "at most \(DataError.bytes(limit)) of elements",
        found: "\(dataset.type.name) \(dataset.shape)", advice: "raise max_bytes if the file is meant to be that large")
    }
    return dataset
  }

  /// Reads from this file; errors name it.
  func reading<Result>(_ body: () throws(HDF5Error) -> Result) throws(DataError) -> Result {
    try Self.reading(path, body)
  }

  private static func reading<Result>(
    _ path: String, _ body: () throws(HDF5Error) -> Result
  ) throws(DataError) -> Result {
    do throws(HDF5Error) {
      return try body()
    } catch {
      switch error {
      case .flaw(let place, let expected, let found, let advice):
        throw DataError(path, at: place, expected: expected, found: found, advice: advice)
      case .source(let error as DataError): throw error
      case .source(let error): throw DataError(path, expected: "readable data", found: "\(error)")
      }
    }
  }
}
