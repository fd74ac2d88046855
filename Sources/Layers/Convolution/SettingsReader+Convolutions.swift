import Configuration

/// The keys that a convolution and a transposed one have in common; the kernel is also that of a pooling window.
extension SettingsReader {
  func filters() throws(ConfigurationError) -> Int { try integer("filters", in: 1...1_000_000, "channels out") }

  func kernel() throws(ConfigurationError) -> AxisPair {
    try pair("kernel", in: Self.windowExtents, "size of the window, a number or [vertical, horizontal]")
  }

  func stride(_ documentation: String) throws(ConfigurationError) -> AxisPair {
    try pair("stride", default: AxisPair(1), in: Self.windowExtents, documentation)
  }

  /// - Parameter verb: what the window does with a pixel.
  func dilation(_ verb: String) throws(ConfigurationError) -> AxisPair {
    try pair(
      "dilation", default: AxisPair(1), in: Self.windowExtents, "pixels from one that the window \(verb) to the next")
  }

  func bias() throws(ConfigurationError) -> Bool {
    try boolean("bias", default: true, "whether a bias is added")
  }

  /// Pixels of a window and between windows, on an axis.
  static var windowExtents: ClosedRange<Int> { 1...10_000 }
  /// Pixels around an image, on each side.
  static var paddings: ClosedRange<Int> { 0...10_000 }
  static var groupCounts: ClosedRange<Int> { 1...1_000_000 }
}
