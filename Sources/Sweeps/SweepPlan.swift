import Configuration
import Foundation
import JSON

/// The plan of a sweep, as text and as JSON.
package struct SweepPlan: CustomStringConvertible {
  private let definition: SweepDefinition
  /// The points that do not depend on results.
  private let points: [Assignment]
  /// The most points; nil where only time limits them.
  private let pointCount: Int?
  /// Whether further points depend on results.
  private let isAdaptive: Bool

  private static let mostListed = 200

  package init(_ definition: SweepDefinition, microBatches: Int) {
    self.definition = definition
    let count = definition.pointCount ?? 0
    pointCount = definition.pointCount
    let sampler = definition.sampler
    isAdaptive = sampler.startup != nil
    let known = min(count, sampler.startup ?? count)
    points = (0..<min(known, Self.mostListed)).compactMap { sampler.propose(number: $0, attempt: 0, observations: []) }
  }

  package var description: String {
    let seeds = definition.seeds
    let trials = pointCount.map { "\($0) points, \($0 * seeds.count) trials" } ?? "points until time runs out"
    var lines = [
      "\(definition.name): \(definition.settings.method.rawValue), \(trials), "
        + "seed\(seeds.count == 1 ? "" : "s") \(seeds.map(String.init).joined(separator: ", "))",
      "\(definition.metric.goal.rawValue) \(definition.metric.name)"
        + (definition.metric.target.map { ", target \(JSON.number($0).compactText)" } ?? ""),
    ]
    if definition.rungs.count > 1 {
      lines.append("compared after \(definition.rungs.names.joined(separator: ", "))")
    }
    lines += points.enumerated().map { "  \($0 + 1)  \(text(of: $1))" }
    if let pointCount, points.count < pointCount {
      let rest = pointCount - points.count
      lines.append(isAdaptive ? "  … and \(rest) that depend on the results of these" : "  … and \(rest) more")
    }
    return lines.joined(separator: "\n")
  }

  package var json: JSON {
    [
      "sweep": definition.name, "method": definition.settings.method.rawValue, "point_count": pointCount,
      "trial_count": pointCount.map { $0 * definition.seeds.count }, "seeds": definition.seeds,
      "rungs": definition.rungs.names, "points": points.map { Sweeps.json(of: $0) },
    ]
  }
}
