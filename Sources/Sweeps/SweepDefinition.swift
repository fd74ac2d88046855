import Configuration
import Foundation
import JSON

/// A sweep file, decoded: what is varied, how points are chosen, what is measured, when it ends.
package struct SweepDefinition: Sendable {
  package let settings: SweepSettings
  package let space: SearchSpace
  /// The base configuration with "extends" and "overrides" applied.
  package let base: JSON
  /// The seeds that every point is run with.
  package let seeds: [Int]
  /// How far a trial is trained before its point is judged, rung by rung; the last is the whole run.
  package let rungs: RungPlan
  /// What decides which trials there are, for the journal: limits may change from one session to the next.
  package let identity: JSON
  /// A sweep file that needs no other.
  package let stored: JSON

  package var name: String { settings.name }
  package var metric: MetricSettings { settings.metric }

  /// Reads a sweep file and the configuration that it varies.
  package init(file: String) throws(ConfigurationError) {
    try self.init(ConfigurationFile.load(file), folder: URL(fileURLWithPath: file).deletingLastPathComponent())
  }

  /// - Parameter folder: what the path of the base configuration is relative to.
  package init(_ json: JSON, folder: URL) throws(ConfigurationError) {
    let reader = try SettingsReader(json)
    settings = try reader.decode(SweepSettings.init(from:))
    space = try SearchSpace(settings.parameters)
    var base = settings.base
    if let file = base.string {
      base = try ConfigurationFile.load(file.hasPrefix("/") ? file : folder.appending(path: file).relativePath)
    }
    for (path, value) in settings.overrides { base = try base.setting(path, to: value, origin: "\"overrides\": ") }
    self.base = base
    let first = base["seed"]?.integer ?? 1
    switch settings.seeds {
    case nil: seeds = [first]
    case .count(let count):
      guard !first.addingReportingOverflow(count - 1).overflow else {
        throw ConfigurationError(
          path: "seeds",
          message: "\(count) from the base configuration's \(first) on are too large; give it a smaller \"seed\"")
      }
      seeds = (0..<count).map { first + $0 }
    case .integers(let numbers): seeds = numbers
    }
    rungs = try RungPlan(settings.termination, base: base, varied: settings.parameters.map(\.key))
    let limits = [
      "$schema", "name", "base", "overrides", "run_cap", "time_cap", "trial_time_cap", "retries", "second_metric",
    ]
    let members = (reader.resolved.members ?? []).filter { !limits.contains($0.key) }
    let decisive = members.map { member in
      // A target ends the sweep and chooses nothing.
      guard member.key == "metric", let inner = member.value.members else { return member }
      return JSON.Member(member.key, JSON(.object(inner.filter { $0.key != "target" })))
    }
    identity = JSON(.object(decisive + [JSON.Member("base", base.withoutKeys(["$schema", "name"]))]))
    stored = JSON(
      .object(
        (reader.resolved.members ?? []).filter { $0.key != "overrides" && $0.key != "$schema" }
          .map { $0.key == "base" ? JSON.Member("base", base) : $0 }))
    try requireLimits()
  }

  /// The number of points at most; nil where only the space says when to stop.
  package var pointCap: Int? { settings.runCap.map { $0 / seeds.count } }

  /// The number of points that there will be at most; nil where that depends on time alone.
  package var pointCount: Int? { [space.count(most: SearchSpace.mostGridPoints), pointCap].compactMap { $0 }.min() }

  private func requireLimits() throws(ConfigurationError) {
    func fail(_ key: String, _ message: String) -> ConfigurationError {
      ConfigurationError(path: key, message: message)
    }
    if let cap = settings.runCap, cap < seeds.count {
      throw fail("run_cap", "\(cap) is less than the \(seeds.count) seeds that every point is run with")
    }
    for key in ["name", "$schema"] where space.parameters.contains(where: { $0.path == key }) {
      throw fail("parameters[\"\(key)\"]", "decides nothing about a trial; vary another key")
    }
    let continuous = space.parameters.first { $0.parameter.domain.count == nil }
    if settings.method == .grid, let continuous {
      throw fail(
        "parameters[\"\(continuous.path)\"]",
        "a grid needs \"values\" or whole numbers; use method random or tpe for a continuous range")
    }
    let most = SearchSpace.mostGridPoints
    if settings.method == .grid, let count = space.count(most: most + 1), count > most {
      throw fail(
        "parameters", "a grid of more than \(most) points; give fewer values, or use method random or tpe")
    }
    if continuous != nil, settings.runCap == nil {
      throw fail(
        "run_cap", "is missing: \(settings.method.rawValue) never comes to an end by itself on a continuous range")
    }
  }
}

/// How points are chosen.
package enum SearchMethod: String, CaseIterable, Sendable { case grid, random, tpe }

/// What a sweep looks at.
package struct MetricSettings: Settings {
  package enum Goal: String, CaseIterable, Sendable { case minimize, maximize }

  package let name: String
  package let goal: Goal
  /// Good enough: the sweep ends when a point reaches it.
  package let target: Double?

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    name = try reader.string("name", "a number that `troupe train --json` reports, such as validation.loss")
    goal = try reader.choice("goal", default: .minimize, "which way is better")
    target = try reader.optionalNumber(
      "target", in: -1e300...1e300, "good enough: the sweep ends when a point reaches it")
    try reader.require(
      Self.known.contains(name), "name",
      "no trial reports \"\(name)\"" + NearestName.hint(name, among: Self.known))
  }

  package init(name: String, goal: Goal, target: Double? = nil) {
    self.name = name
    self.goal = goal
    self.target = target
  }

  /// What a run can report; which of them it does depends on its loss and its data.
  package static let known = [
    "loss", "validation.loss", "validation.accuracy", "validation.perplexity", "validation.exact_match", "seconds",
  ]

  /// The value with smaller being better.
  package func cost(_ value: Double) -> Double { goal == .minimize ? value : -value }
}

/// The keys of a sweep file.
package struct SweepSettings: Settings {
  package let name: String
  package let base: JSON
  package let overrides: [(key: String, value: JSON)]
  package let method: SearchMethod
  package let tpe: TPESettings
  package let searchSeed: UInt64
  package let metric: MetricSettings
  package let secondMetric: MetricSettings?
  package let parameters: [(key: String, value: SearchParameter)]
  package let termination: (any EarlyTermination)?
  package let seeds: CountOrIntegers?
  package let runCap: Int?
  package let timeCap: Double?
  package let trialTimeCap: Double?
  package let retries: Int

  static let mostSeeds = 1000

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    _ = try reader.optionalString("$schema", "the JSON Schema that editors check this file with; never read")
    name = try reader.string(
      "name", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", "the sweep's name, and its folder's under checkpoints/")
    base = try reader.stringOrObject(
      "base", "the configuration that is varied: its file, relative to this one, or itself")
    overrides = try reader.anyMap("overrides", "values of the base configuration that all trials replace, by path")
    method = try reader.choice("method", "how points are chosen: all of them, at random, or near the best so far")
    let tpe = try reader.optionalObject("tpe", TPESettings.self, "how the tree-structured Parzen estimator chooses")
    try reader.require(tpe == nil || method == .tpe, "tpe", "never used with method \(method.rawValue)")
    self.tpe = tpe ?? TPESettings()
    let seed = try reader.optionalInteger("search_seed", in: 0...Int.max, "of what random and tpe draw; 1 if absent")
    try reader.require(seed == nil || method != .grid, "search_seed", "never used with method grid")
    searchSeed = UInt64(seed ?? 1)
    metric = try reader.requiredObject("metric", MetricSettings.self, "what makes a trial good")
    secondMetric = try reader.optionalObject(
      "second_metric", MetricSettings.self, "what the report weighs against the metric; the time of training if absent")
    parameters = try reader.map("parameters", of: SearchParameter.self, "what is varied: paths of the configuration")
    try reader.require(!parameters.isEmpty, "parameters", "there is nothing to vary")
    termination = try reader.optionalComponent(
      "early_terminate", from: earlyTerminationCatalog, "pauses trials, and goes on with the good ones")
    seeds = try reader.optionalCountOrIntegers(
      "seeds", in: 0...Int.max, mostCount: Self.mostSeeds,
      "how many seeds every point is run with, or which; the base configuration's if absent")
    runCap = try reader.optionalInteger("run_cap", in: 1...1_000_000, "trials at most: points times seeds")
    timeCap = try reader.optionalTime("time_cap", "the sweep ends after so long, over all its sessions")
    trialTimeCap = try reader.optionalTime("trial_time_cap", "a trial that takes longer is stopped")
    retries = try reader.integer(
      "retries", default: 1, in: 0...100, "how often a trial that crashed or was killed is begun again")
  }
}
