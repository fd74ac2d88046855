import Configuration
import Foundation
import JSON

/// The plan of a sweep, as text and as JSON: the points in the order in which a sweep without failures trains them.
package struct SweepPlan: CustomStringConvertible {
  private let definition: SweepDefinition
  /// The points that do not depend on results.
  private let points: [SweepScheduler.PlannedPoint]
  /// The most points; nil where only time limits them.
  private let pointCount: Int?
  /// Whether further points depend on results.
  private let isAdaptive: Bool
  /// Points of the space that would train the same as earlier ones.
  private let repeatedCount: Int

  private static let mostListed = 200
  /// Beyond them, points that are the same are not searched for.
  private static let mostPlanned = 2000

  package init(_ definition: SweepDefinition, microBatches: Int) throws {
    self.definition = definition
    let startup = definition.sampler.startup
    isAdaptive = startup != nil
    let known = min(definition.pointCount ?? 0, startup ?? .max, Self.mostPlanned)
    points = try SweepScheduler(definition).plannedPoints(most: known, microBatches: microBatches)
    // Fewer than asked for: the space is used up.
    pointCount = points.count < known ? points.count : definition.pointCount
    repeatedCount = points.count < known ? known - points.count : 0
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
    let listed = points.prefix(Self.mostListed)
    lines += listed.enumerated().map { number, point in
      "  \(number + 1)  \(text(of: point.assignment))" + (point.refusal.map { "  (refused: \($0))" } ?? "")
    }
    if let pointCount, listed.count < pointCount {
      let rest = pointCount - listed.count
      lines.append(isAdaptive ? "  … and \(rest) that depend on the results of these" : "  … and \(rest) more")
    }
    if repeatedCount > 0 { lines.append("\(repeatedCount) fewer points than asked for: others would train the same") }
    if definition.settings.timeCap != nil { lines.append("time_cap may end the sweep before the last of them") }
    return lines.joined(separator: "\n")
  }

  package var json: JSON {
    [
      "sweep": definition.name, "method": definition.settings.method.rawValue, "point_count": pointCount,
      "trial_count": pointCount.map { $0 * definition.seeds.count }, "seeds": definition.seeds,
      "rungs": definition.rungs.names, "points": points.prefix(Self.mostListed).map { Sweeps.json(of: $0.assignment) },
    ]
  }
}
