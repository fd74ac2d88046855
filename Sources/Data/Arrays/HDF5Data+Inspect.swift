import Formats

extension HDF5Data {
  /// Recognizes HDF5 files by their signature.
  package static func inspect(_ place: InspectedPath) throws(DataError) -> DatasetSummary? {
    guard HDF5File.isHDF5(place.head) else { return nil }
    let file = try HDF5Input(path: place.path)
    var summary = DatasetSummary(path: place.path, kind: kind)
    for name in try file.rootNames() {
      do throws(DataError) {
        let dataset = try file.dataset(name, limit: place.limit)
        let moments: DatasetSummary.Moments? = try file.reading {
          switch dataset.kind {
          case .bytes: .init(of: try dataset.readBytes()) { Double($0) }
          case .texts: nil
          case .integers, .floats: .init(of: try dataset.readDoubles()) { $0 }
          }
        }
        summary.count = max(summary.count, dataset.shape[0])
        summary.parts.append(.init(name: name, shape: dataset.shape, type: dataset.type.name, moments: moments))
      } catch {
        summary.notes.append("\(name): \(error.found)")
      }
    }
    return summary
  }
}
