import Configuration

/// A way to choose points, by its name in a sweep file.
package struct SearchMethod: RawRepresentable, CaseIterable, Sendable {
  /// The methods, one line each; the settings of a method, if it has any, are the object under its name.
  package static let allCases = [
    SearchMethod("grid", GridSampler.self),
    SearchMethod("random", RandomSampler.self),
    SearchMethod("tpe", TPESampler.self),
  ]

  /// The input of a sampler.
  package struct Context {
    let space: SearchSpace
    let seed: UInt64
    /// Whether points may be stopped early, so that neighbors should not come one after another.
    let isShuffled: Bool
  }

  package typealias SamplerMaker = @Sendable (Context) -> any Sampler

  package let rawValue: String
  /// Whether points are drawn at random: then there is a "search_seed", and ranges may be continuous.
  let isRandom: Bool
  private let readMaker: @Sendable (SettingsReader) throws(ConfigurationError) -> SamplerMaker

  private init<S: Sampler>(_ name: String, _ type: S.Type) {
    rawValue = name
    isRandom = S.isRandom
    readMaker = { (reader) throws(ConfigurationError) in try S.maker(from: reader) }
  }

  package init?(rawValue: String) {
    guard let method = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
    self = method
  }

  /// Reads the settings of the method, and refuses those of others.
  func makeSampler(from reader: SettingsReader) throws(ConfigurationError) -> SamplerMaker {
    for other in Self.allCases where other != self {
      let isGiven = reader.has(other.rawValue)
      _ = try other.readMaker(reader)
      try reader.require(!isGiven, other.rawValue, "never used with method \(rawValue)")
    }
    return try readMaker(reader)
  }
}

extension SweepDefinition {
  package var sampler: any Sampler {
    settings.makeSampler(
      SearchMethod.Context(space: space, seed: settings.searchSeed, isShuffled: settings.termination != nil))
  }
}
