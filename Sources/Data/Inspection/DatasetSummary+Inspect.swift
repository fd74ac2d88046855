import Foundation

/// A file or folder to inspect, with its first bytes or its names.
package struct InspectedPath: Sendable {
  let path: String
  /// The names in a folder, in order; nil for a file.
  let names: [String]?
  /// The first bytes of a file, unpacked; none of a folder.
  let head: [UInt8]
  /// Bytes above which the content is refused.
  let limit: Int

  private static let headCount = 1 << 16

  init(_ path: String, limit: Int) throws(DataError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DataError(path, expected: "a data file or folder", found: "nothing of that name")
    }
    self.path = path
    self.limit = limit
    if isFolder.boolValue {
      names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
      head = []
    } else {
      var file = try InputFile(path: path)
      names = nil
      head = try file.rest(atMost: Self.headCount)
    }
  }

  var isFile: Bool { names == nil }
}

extension DatasetSummary {
  /// Describes the data at a path by the first kind of the catalog that recognizes it.
  package static func inspect(_ path: String, limit: Int = IDXFile.defaultLimit) throws(DataError) -> DatasetSummary {
    let place = try InspectedPath(path, limit: limit)
    for kind in DataCatalog.kinds {
      if let summary = try kind.inspect(place) { return summary }
    }
    throw DataError(path, expected: "files of a known kind of data", found: "none", advice: "name a file")
  }
}
