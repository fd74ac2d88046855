import Checkpoints
import Configuration
import Files
import JSON
import Runs

/// A trial's configuration: the base configuration with a point's values and a seed.
package struct TrialConfiguration: Sendable {
  /// The input of `troupe train`, without "extends".
  package let json: JSON
  /// A digest of the resolved configuration without its name: equal configurations are one trial.
  package let id: String
  /// The configuration with all defaults.
  package let resolved: JSON

  private static let idLength = 12

  /// Whether a text has the form of an id: ids name folders, so those of a journal are checked.
  static func isID(_ text: String) -> Bool {
    text.utf8.count == idLength && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
  }

  /// - Parameter microBatches: the meaning of `"auto"` in this sweep.
  /// - Throws: where the configuration refuses a value or lacks a path.
  package init(
    _ definition: SweepDefinition, _ assignment: Assignment, seed: Int, microBatches: Int
  ) throws(ConfigurationError) {
    var json = try definition.base.setting("name", to: .string(definition.name))
    json = try json.setting("seed", to: .integer(seed))
    // Trials of one seed see the same data in the same order, whatever else is varied.
    if json["data"]?.members != nil, json["data"]?["seed"] == nil {
      json = try json.setting("data.seed", to: .integer(seed))
    }
    for (path, value) in assignment { json = try json.setting(path, to: value) }
    var configuration = try Self.decode(json, assignment)
    if configuration.training.microBatches == nil {
      let batch = configuration.data.common.batchSize
      let count = (1...max(1, min(microBatches, batch))).last { batch % $0 == 0 } ?? 1
      json = try json.setting("training.micro_batches", to: .integer(count))
      configuration = try Self.decode(json, assignment)
    }
    resolved = configuration.resolved.withoutKeys(["name", "$schema"])
    let id = String(Digest.sha256(Array(resolved.compactText.utf8)).prefix(Self.idLength))
    self.id = id
    self.json = try json.setting("name", to: .string("\(definition.name)-\(id)"))
  }

  private init(_ json: JSON, id: String, resolved: JSON) {
    self.json = json
    self.id = id
    self.resolved = resolved
  }

  /// The same trial under the id of the journal, which differs where the sweep file spells a number in another way since.
  func named(_ id: String, in definition: SweepDefinition) throws(ConfigurationError) -> TrialConfiguration {
    try TrialConfiguration(
      json.setting("name", to: .string("\(definition.name)-\(id)")), id: id, resolved: resolved)
  }

  /// Decodes a configuration; a refusal names the sweep's values.
  private static func decode(_ json: JSON, _ assignment: Assignment) throws(ConfigurationError) -> RunConfiguration {
    do throws(ConfigurationError) {
      return try RunConfiguration(json)
    } catch {
      let values = text(of: assignment)
      throw ConfigurationError(
        path: error.path, message: error.message + (values.isEmpty ? "" : " (with \(values))"), location: error.location
      )
    }
  }
}

extension SweepDefinition {
  /// Refuses a space with paths or values that the configuration does not accept, before anything is written.
  ///
  /// - Returns: the number of trials, where the space determines it.
  @discardableResult
  package func checkSpace(microBatches: Int) throws(ConfigurationError) -> Int? {
    let points = space.grid(most: Self.mostChecked)
    for assignment in (points ?? []) + space.probes {
      _ = try TrialConfiguration(self, assignment, seed: seeds[0], microBatches: microBatches)
    }
    guard let points, points.count < Self.mostChecked else { return pointCap.map { $0 * seeds.count } }
    return min(points.count, pointCap ?? .max) * seeds.count
  }

  private static let mostChecked = 2000
}

extension JSON {
  /// This object without some of its keys.
  package func withoutKeys(_ keys: Set<String>) -> JSON {
    guard let members else { return self }
    return JSON(.object(members.filter { !keys.contains($0.key) }), at: location)
  }
}
