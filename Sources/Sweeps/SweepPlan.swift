import Configuration
import Foundation
import JSON

/// What a sweep would do, for people and programs.
package struct SweepPlan: CustomStringConvertible {
  private let definition: SweepDefinition
  /// The points that are known before anything has run.
  private let points: [Assignment]
  /// All points; nil where the space says neither how many.
  private let pointCount: Int?

  private static let mostListed = 200

  package init(_ definition: SweepDefinition, microBatches: Int) {
    self.definition = definition
    let count = definition.pointCount
    pointCount = count
    // What tpe chooses later depends on results.
    let known = definition.settings.method == .tpe ? min(count ?? 0, definition.settings.tpe.startup) : count ?? 0
    let sampler = definition.sampler
    points = (0..<min(known, Self.mostListed)).compactMap { sampler.propose(number: $0, attempt: 0, observations: []) }
  }

  package var description: String {
    let seeds = definition.seeds
    let trials = pointCount.map { "\($0) points, \($0 * seeds.count) trials" } ?? "as many points as there is time for"
    var lines = [
      "\(definition.name): \(definition.settings.method.rawValue), \(trials), "
        + "seed\(seeds.count == 1 ? "" : "s") \(seeds.map(String.init).joined(separator: ", "))",
      "\(definition.metric.goal.rawValue) \(definition.metric.name)"
        + (definition.metric.target.map { ", good enough at \(JSON.number($0).compactText)" } ?? ""),
    ]
    if definition.rungs.count > 1 {
      let rungs = definition.rungs.durations.map { $0?.description ?? "whole" }
      lines.append("judged after \(rungs.joined(separator: ", "))")
    }
    lines += points.enumerated().map { "  \($0 + 1)  \(text(of: $1))" }
    if let pointCount, points.count < pointCount {
      let rest = pointCount - points.count
      lines.append(
        definition.settings.method == .tpe ? "  … and \(rest) chosen from what these show" : "  … and \(rest) more")
    }
    return lines.joined(separator: "\n")
  }

  package var json: JSON {
    .object([
      ("sweep", .string(definition.name)), ("method", .string(definition.settings.method.rawValue)),
      ("point_count", pointCount.map { .integer($0) } ?? .null),
      ("trial_count", pointCount.map { .integer($0 * definition.seeds.count) } ?? .null),
      ("seeds", .array(definition.seeds.map { .integer($0) })),
      ("rungs", .array(definition.rungs.durations.map { .string($0?.description ?? "whole") })),
      ("points", .array(points.map { .object($0.map { ($0.path, $0.value) }) })),
    ])
  }
}
