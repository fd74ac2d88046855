import Configuration
import Foundation
import JSON

/// A decoded sweep file: parameters, search method, metric and limits.
package struct SweepDefinition: Sendable {
  package let settings: SweepSettings
  package let space: SearchSpace
  /// The base configuration with "extends" and "overrides" applied.
  package let base: JSON
  /// The seeds of every point's trials.
  package let seeds: [Int]
  /// The lengths of training at which points are compared; the last is the whole run.
  package let rungs: RungPlan
  /// The settings that determine the trials, for the journal; limits may change between sessions.
  package let identity: JSON
  /// The sweep file with its base configuration inside.
  package let stored: JSON

  package var name: String { settings.name }
  package var metric: MetricSettings { settings.metric }

  /// Reads a sweep file and its base configuration.
  package init(file: String) throws(ConfigurationError) {
    try self.init(ConfigurationFile.load(file), folder: URL(fileURLWithPath: file).deletingLastPathComponent())
  }

  /// - Parameter folder: the path of the base configuration is relative to it.
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
          message: "\(count) from the base configuration's \(first) are too large; give it a smaller \"seed\"")
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
      // A target ends the sweep, but does not choose points.
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

  /// The most points by the limit on trials; nil without a limit.
  package var pointCap: Int? { settings.runCap.map { $0 / seeds.count } }

  /// The most points; nil where only time limits them.
  package var pointCount: Int? { [space.count(most: SearchSpace.mostGridPoints), pointCap].compactMap { $0 }.min() }

  private func requireLimits() throws(ConfigurationError) {
    func fail(_ key: String, _ message: String) -> ConfigurationError {
      ConfigurationError(path: key, message: message)
    }
    if let cap = settings.runCap, cap < seeds.count {
      throw fail("run_cap", "\(cap) is less than the \(seeds.count) seeds of every point")
    }
    for key in ["name", "$schema"] where space.parameters.contains(where: { $0.path == key }) {
      throw fail("parameters[\"\(key)\"]", "does not change a trial; vary another key")
    }
    let continuous = space.parameters.first { $0.parameter.domain.count == nil }
    let most = SearchSpace.mostGridPoints
    if !settings.method.isRandom {
      let advice = "use method " + SearchMethod.allCases.filter(\.isRandom).map(\.rawValue).joined(separator: " or ")
      if let continuous {
        throw fail(
          "parameters[\"\(continuous.path)\"]",
          "a \(settings.method.rawValue) needs \"values\" or whole numbers; \(advice) for a continuous range")
      }
      if let count = space.count(most: most + 1), count > most {
        throw fail(
          "parameters", "a \(settings.method.rawValue) of more than \(most) points; give fewer values, or \(advice)")
      }
    }
    if continuous != nil, settings.runCap == nil {
      throw fail("run_cap", "is missing: method \(settings.method.rawValue) never ends on a continuous range")
    }
  }
}

/// A number that compares trials.
package struct MetricSettings: Settings {
  package enum Goal: String, CaseIterable, Sendable { case minimize, maximize }

  package let name: String
  package let goal: Goal
  /// The sweep ends when a point reaches this value.
  package let target: Double?

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    name = try reader.string("name", "a number that `troupe train --json` reports, such as validation.loss")
    goal = try reader.choice("goal", default: .minimize, "the better direction")
    target = try reader.optionalNumber(
      "target", in: -1e300...1e300, "the sweep ends when a point reaches this value")
    try reader.require(
      Self.known.contains(name), "name",
      "no trial reports \"\(name)\"" + NearestName.hint(name, among: Self.known))
  }

  package init(name: String, goal: Goal, target: Double? = nil) {
    self.name = name
    self.goal = goal
    self.target = target
  }

  /// The numbers that runs report; a run reports those that fit its loss and its data.
  package static let known = [
    "loss", "validation.loss", "validation.accuracy", "validation.perplexity", "validation.exact_match", "seconds",
  ]

  /// The value with a sign such that smaller is better.
  package func cost(_ value: Double) -> Double { goal == .minimize ? value : -value }
}

/// The keys of a sweep file.
package struct SweepSettings: Settings {
  package let name: String
  package let base: JSON
  package let overrides: [(key: String, value: JSON)]
  package let method: SearchMethod
  let makeSampler: SearchMethod.SamplerMaker
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
      "base", "the base configuration: its file, relative to this one, or the object itself")
    overrides = try reader.anyMap("overrides", "values that replace those of the base configuration, by path")
    method = try reader.choice("method", "the choice of points: all of them, at random, or near the best so far")
    makeSampler = try method.makeSampler(from: reader)
    let seed = try reader.optionalInteger("search_seed", in: 0...Int.max, "the seed of random and tpe; 1 if absent")
    try reader.require(
      seed == nil || method.isRandom, "search_seed", "never used with method \(method.rawValue)")
    searchSeed = UInt64(seed ?? 1)
    metric = try reader.requiredObject("metric", MetricSettings.self, "the number by which trials are compared")
    secondMetric = try reader.optionalObject(
      "second_metric", MetricSettings.self, "the number against the metric in the report; the training time if absent")
    parameters = try reader.map(
      "parameters", of: SearchParameter.self, "the varied keys, by their paths in the configuration")
    try reader.require(!parameters.isEmpty, "parameters", "there is nothing to vary")
    termination = try reader.optionalComponent(
      "early_terminate", from: earlyTerminationCatalog, "the rule that pauses trials and continues the good ones")
    seeds = try reader.optionalCountOrIntegers(
      "seeds", in: 0...Int.max, mostCount: Self.mostSeeds,
      "the number of seeds of every point, or a list of them; the base configuration's seed if absent")
    runCap = try reader.optionalInteger("run_cap", in: 1...1_000_000, "the most trials: points times seeds")
    timeCap = try reader.optionalTime("time_cap", "the longest time of the sweep, over all its sessions")
    trialTimeCap = try reader.optionalTime("trial_time_cap", "the longest time of a trial")
    retries = try reader.integer(
      "retries", default: 1, in: 0...100, "new attempts at a trial that crashed or was killed")
  }
}
