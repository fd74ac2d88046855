/// The extents of a tensor, outermost first; row-major, so the last dimension is contiguous.
///
/// A shape that exists is valid: every extent is at least 1 and the element count fits an `Int` with room for its
/// bytes. No extents at all is a scalar.
package struct TensorShape: Hashable, Sendable, CustomStringConvertible {
  package let dimensions: [Int]
  package let elementCount: Int

  /// The largest element count a shape may have: its bytes must still fit an `Int`.
  package static let largestElementCount = Int.max / 16

  /// Returns nil when an extent is below 1 or the element count would overflow.
  package init?(checking dimensions: [Int]) {
    var count = 1
    for extent in dimensions {
      guard extent >= 1 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= Self.largestElementCount else { return nil }
      count = product
    }
    self.dimensions = dimensions
    self.elementCount = count
  }

  /// For extents that the program itself computed.
  package init(_ dimensions: [Int]) {
    guard let shape = TensorShape(checking: dimensions) else {
      preconditionFailure(
        "\(dimensions) is not a tensor shape: extents must be at least 1 and their product representable")
    }
    self = shape
  }

  package static let scalar = TensorShape([])

  package var rank: Int { dimensions.count }

  /// The innermost extent, along which norms and linear layers work; 1 for a scalar.
  package var last: Int { dimensions.last ?? 1 }

  package subscript(_ axis: Int) -> Int { dimensions[axis] }

  /// Written as `[32, 784]`.
  package var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}
