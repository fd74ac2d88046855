import Configuration

/// Every transform; a new one is a file and a line here.
package enum AugmentationCatalog {
  package static let transforms: [any ImageTransform.Type] = [
    RandomCrop.self,
    HorizontalFlip.self,
    VerticalFlip.self,
    Rotation.self,
    ColorJitter.self,
    Cutout.self,
    RandomResizedCrop.self,
    Resize.self,
    CenterCrop.self,
  ]

  package static let catalog = Catalog<any ImageTransform>("augmentation", transforms.map { entry($0) })

  private static func entry<Transform: ImageTransform>(_ type: Transform.Type) -> CatalogEntry<any ImageTransform> {
    CatalogEntry(Transform.kind, Transform.documentation) { (reader) throws(ConfigurationError) in
      try Transform(from: reader)
    }
  }
}
