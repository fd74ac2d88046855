import Files

/// An HDF5 file from anywhere, which a process of its own reads through the HDF5 library.
package final class HDF5File {
  package let path: String
  /// Of the file.
  package let byteCount: Int
  let file: OpenFile
  let process: HDF5Process

  package static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  package static func isHDF5(_ head: [UInt8]) -> Bool { head.starts(with: signature) }

  /// - Parameter allowsExternal: whether links, storage and virtual datasets may lead to other files.
  /// - Throws: `FileError` and `HDF5Error`.
  package init(path: String, allowsExternal: Bool = false) throws {
    self.path = path
    file = try FileSystemCalls.real.open(path)
    byteCount = try FileSystemCalls.real.size(of: file)
    process = try Self.start(file, name: allowsExternal ? path : "")
  }

  private static func start(_ file: borrowing OpenFile, name: String) throws(HDF5Error) -> HDF5Process {
    let process = try HDF5Process(reading: file.number)
    _ = try process.answer(to: HDF5Request(.open, name))
    return process
  }

  /// Every link of an open file by way of hard links, each object once; the root comes first.
  package static func objects(of file: borrowing OpenFile) throws(HDF5Error) -> [HDF5Object] {
    try start(file, name: "").answer(to: HDF5Request(.objects)).objects
  }

  /// The names in the root group.
  package func rootNames() throws(HDF5Error) -> [String] { try process.answer(to: HDF5Request(.names)).names }

  /// The dataset at a path of group names, with its type, extents and storage checked.
  package func dataset(_ name: String) throws(HDF5Error) -> HDF5Dataset {
    let answer = try process.answer(to: HDF5Request(.dataset, name))
    guard let object = answer.objects.first else { throw HDF5Error("a dataset", "nothing") }
    return try HDF5Dataset(object, of: self)
  }
}
