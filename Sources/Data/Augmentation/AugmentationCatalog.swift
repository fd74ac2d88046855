import Configuration

/// Every transform; a new one is a file and a line here.
package enum AugmentationCatalog {
  package static let catalog = Catalog<any ImageTransform>(
    "augmentation",
    [
      entry(RandomCrop.self),
      entry(HorizontalFlip.self),
      entry(VerticalFlip.self),
      entry(Rotation.self),
      entry(ColorJitter.self),
      entry(Cutout.self),
      entry(RandomResizedCrop.self),
      entry(Resize.self),
      entry(CenterCrop.self),
    ])

  private static func entry<Transform: ImageTransform>(_ type: Transform.Type) -> CatalogEntry<any ImageTransform> {
    CatalogEntry(Transform.kind, Transform.documentation) { (reader) throws(ConfigurationError) in
      try Transform(from: reader)
    }
  }
}
