/// Features of many images, one row each.
package struct FeatureTable: Sendable {
  /// Features per row.
  package let width: Int
  /// (count, width).
  package let values: [Float]

  package var count: Int { values.count / width }

  package init(width: Int, values: [Float]) {
    precondition(width > 0 && values.count % width == 0)
    self.width = width
    self.values = values
  }

  /// Whether every feature is a number.
  package var isFinite: Bool { values.allSatisfy(\.isFinite) }
}
