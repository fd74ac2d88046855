import Files

/// A failure to keep or read a run's records, in one line for the user.
package enum RecordsError: FileErrorWrapper, Equatable, Sendable, CustomStringConvertible {
  /// The system refused an operation on a file.
  case file(FileError)
  /// A fresh run was asked for where records already exist.
  case exists(path: String)
  /// The folder holds no records.
  case noRecords(path: String)
  /// A file that was not written by us is where one of ours would go.
  case notReplaced(path: String, reason: String)

  package init(_ error: FileError) { self = .file(error) }

  package var description: String {
    switch self {
    case .file(let error): "\(error); check the path, its permissions and the free space"
    case .exists(let path):
      "\(path): expected no earlier records, found some; use --resume to go on or --fresh to start over"
    case .noRecords(let path):
      "\(path): expected the records of a run, found none; name a folder that `troupe train` has written"
    case .notReplaced(let path, let reason):
      "\(path): expected none or one of an earlier time, found another file (\(reason)); move it away"
    }
  }
}
