import Configuration
import Foundation
import Tensors

/// Interleaved spiral arms in the plane, one per class: not separable by a linear model.
///
/// Point p of class c lies at radius r = p / (points - 1) and angle 2π(turns · r + c / classes), plus normal noise.
package struct SpiralsData: DataKind {
  package static let kind = "spirals"
  package static let documentation = "generated: interleaved spiral arms in the plane, one per class"

  package var classes = 3
  package var pointsPerClass = 500
  package var noise = 0.02
  package var turns = 1.0

  package init() {}

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    classes = try reader.integer("classes", default: 3, in: 2...1000, "number of arms")
    pointsPerClass = try reader.integer("points_per_class", default: 500, in: 2...1_000_000, "points on each arm")
    noise = try reader.number("noise", default: 0.02, in: 0...10, "deviation of the points; the arms' radius is 1")
    turns = try reader.number("turns", default: 1, in: 0...20, "turns of an arm from the center to its end")
    try reader.require(
      classes * pointsPerClass <= 50_000_000, nil, "classes · points_per_class must be at most 50 million")
  }

  package var expectedByteCount: Int? { classes * pointsPerClass * 12 }

  package var outline: (few: any DataKind, count: Int)? {
    var few = self
    few.pointsPerClass = 2
    return (few, classes * pointsPerClass)
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    let count = classes * pointsPerClass
    let stream = RandomStream(seed: seed, purpose: .generation)
    var points: [Float] = []
    var labels: [Int32] = []
    points.reserveCapacity(2 * count)
    labels.reserveCapacity(count)
    for index in 0..<count {
      let label = index % classes
      let radius = Double(index / classes) / Double(pointsPerClass - 1)
      let angle = 2 * Double.pi * (turns * radius + Double(label) / Double(classes))
      points.append(Float(radius * cos(angle) + noise * Double(stream.normal(2 * index))))
      points.append(Float(radius * sin(angle) + noise * Double(stream.normal(2 * index + 1))))
      labels.append(Int32(label))
    }
    let settings = "spirals 1 \(classes) \(pointsPerClass) \(noise) \(turns) \(seed)"
    return OpenedSamples(
      samples: MemorySamples(
        name: Self.kind, count: count,
        columns: [
          .init(.input(of: TensorShape([2])), .floats(points)), .init(.label(of: classes), .integers(labels)),
        ], fingerprint: Fingerprint.of(settings, count: count)))
  }
}
