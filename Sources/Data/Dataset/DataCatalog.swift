import Configuration

/// Every kind of data; a new one is a file and a line here.
package enum DataCatalog {
  package static let catalog = Catalog<DataSettings>(
    "data",
    [
      entry(IDXData.self),
      entry(CSVData.self),
      entry(HDF5Data.self),
      entry(ImageFolderData.self),
      entry(CIFARData.self),
      entry(TextData.self),
      entry(PairData.self),
      entry(SequenceTaskData.self),
      entry(SpiralsData.self),
      entry(GlyphsData.self),
      entry(ShapesData.self),
      entry(NoiseData.self),
    ])

  private static func entry<Kind: DataKind>(_ type: Kind.Type) -> CatalogEntry<DataSettings> {
    CatalogEntry(Kind.kind, Kind.documentation) { (reader) throws(ConfigurationError) in
      let kind = try Kind(from: reader)
      return DataSettings(common: try CommonDataSettings(from: reader), kind: kind)
    }
  }
}
