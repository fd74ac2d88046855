import Configuration

/// Every kind of data; a new one is a file and a line here.
package enum DataCatalog {
  /// Inspection asks them in this order: kinds that recognize their files by a signature come before those that take
  /// any.
  static let kinds: [any DataKind.Type] = [
    HDF5Data.self,
    CIFARData.self,
    IDXData.self,
    ImageFolderData.self,
    TextData.self,
    CSVData.self,
    PairData.self,
    SequenceTaskData.self,
    SpiralsData.self,
    GlyphsData.self,
    ShapesData.self,
    NoiseData.self,
  ]

  package static let catalog = Catalog<DataSettings>("data", kinds.map { entry($0) })

  private static func entry<Kind: DataKind>(_ type: Kind.Type) -> CatalogEntry<DataSettings> {
    CatalogEntry(Kind.kind, Kind.documentation) { (reader) throws(ConfigurationError) in
      let kind = try Kind(from: reader)
      return DataSettings(common: try CommonDataSettings(from: reader), kind: kind)
    }
  }
}
