import Tensors

/// Numbers that are subtracted from the features of a table before they become float32, so that standardizing them does
/// not begin with a loss of digits: seconds since 1970, identifiers above 2²⁴.
///
/// A feature has no offset if float32 holds all of its values, or their differences well enough.
enum FeatureOffsets {
  /// The offsets of features that lie in `ranges`; empty where none needs one.
  static func of(_ ranges: [FeatureRange]) -> [Double] {
    let offsets = ranges.map { $0.needsOffset ? $0.lowest : 0 }
    return offsets.contains { $0 != 0 } ? offsets : []
  }

  static func of(_ values: [Double], features: Int) -> [Double] {
    var ranges = [FeatureRange](repeating: FeatureRange(), count: features)
    for (place, value) in values.enumerated() { ranges[place % features].add(value) }
    return of(ranges)
  }

  /// The values as float32, behind the offsets of their features.
  static func floats(_ values: [Double], _ offsets: [Double]) -> [Float] {
    values.enumerated().map { Float(offsets.isEmpty ? $1 : $1 - offsets[$0 % offsets.count]) }
  }
}

/// The values of a feature.
struct FeatureRange {
  private(set) var lowest = Double.infinity
  private var highest = -Double.infinity
  /// Whether float32 holds all values.
  private var isExact = true

  /// A range that is fewer of the largest value's float32 steps than this loses digits that matter.
  private static let fewestSteps = 0x1p14

  mutating func add(_ value: Double) {
    lowest = min(lowest, value)
    highest = max(highest, value)
    if isExact { isExact = Double(Float(value)) == value }
  }

  fileprivate var needsOffset: Bool {
    guard !isExact, highest > lowest else { return false }
    let step = Double(Float(max(abs(lowest), abs(highest))).ulp)
    return (highest - lowest) / step < Self.fewestSteps
  }
}
