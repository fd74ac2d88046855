import Formats

extension CheckpointError {
  init(_ error: HDF5Error) {
    switch error {
    case .source(let error): self.init(error)
    case .flaw(let place, let expected, let found, _):
      self.init((place.isEmpty ? "" : "\(place): ") + "expected \(expected), found \(found)")
    }
  }

  /// Runs a reader of HDF5 structures and converts its errors.
  static func reading<Result>(_ body: () throws(HDF5Error) -> Result) throws(CheckpointError) -> Result {
    do throws(HDF5Error) {
      return try body()
    } catch {
      throw CheckpointError(error)
    }
  }
}
