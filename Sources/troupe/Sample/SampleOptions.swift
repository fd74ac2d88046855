import ArgumentParser
import Inference

/// The choice of tokens, and the options that exclude each other.
struct SampleOptions: ParsableArguments {
  /// As nanoGPT's sample.py.
  static let defaultCount = 10
  static let defaultTemperature = 0.8
  static let defaultTopK = 200
  static let mostBeams = 256
  static let defaultTokens = 500

  @Option(
    help: "Samples to draw (default 10; 1 with --greedy; of a diffusion model 16, or 64 over its classes).")
  var count: Int?

  @Option(help: "Tokens of a text, at most (default 500).")
  var tokens: Int?

  @Option(help: "Below 1 likely tokens become likelier, above 1 less likely (default 0.8).")
  var temperature: Double?

  @Option(help: "Draw among at most this number of the likeliest tokens (default 200; 0 for all).")
  var topK: Int?

  @Option(help: "Draw among the likeliest tokens that together have this probability.")
  var topP: Double?

  @Option(help: "Above 1 makes tokens that have occurred less likely.")
  var repetitionPenalty: Double?

  @Option(help: "The same seed gives the same texts or images (default 1337).")
  var seed: UInt64?

  @Flag(help: "Always take the likeliest token.")
  var greedy = false

  @Option(help: "Look for the likeliest texts with a beam search of this width.")
  var beam: Int?

  @Option(help: "Of --beam: divide scores by ((5 + tokens) / 6) to this power (default 0).")
  var lengthPenalty: Double?

  @Option(help: "Of --beam: texts to show, the best first (default 1).")
  var results: Int?

  @Option(help: "End a text before this string; may be repeated.")
  var stop: [String] = []

  func validate() throws {
    try require((tokens ?? 1) >= 1, "--tokens \(tokens ?? 0)", "at least 1")
    try require((count ?? 1) >= 1, "--count \(count ?? 0)", "at least 1")
    try require(
      (temperature ?? 1) > 0 && (temperature ?? 1).isFinite, "--temperature", "a number above 0; see --greedy")
    try require((topK ?? 0) >= 0, "--top-k \(topK ?? 0)", "at least 1, or 0 for all")
    try require((topP ?? 1) > 0 && (topP ?? 1) <= 1, "--top-p", "a share above 0 and at most 1")
    try require(
      (0.01...100).contains(repetitionPenalty ?? 1), "--repetition-penalty", "a number from 0.01 to 100")
    try require(!stop.contains(""), "--stop", "a string that is not empty")
    let drawing: [GivenOption] = [
      ("--temperature", temperature != nil), ("--top-k", topK != nil), ("--top-p", topP != nil),
      ("--seed", seed != nil), ("--count", count != nil),
    ]
    if greedy { try exclude("--greedy", drawing + [("--beam", beam != nil)]) }
    if let beam {
      try require((1...Self.mostBeams).contains(beam), "--beam \(beam)", "1 to \(Self.mostBeams)")
      try exclude("--beam", drawing + [("--repetition-penalty", repetitionPenalty != nil)])
      try require((1...beam).contains(results ?? 1), "--results \(results ?? 0)", "1 to the beam's width \(beam)")
      try require((lengthPenalty ?? 0).isFinite, "--length-penalty", "a number")
    } else {
      try refuse(
        [("--length-penalty", lengthPenalty != nil), ("--results", results != nil)], "without --beam")
    }
  }

  private func exclude(_ option: String, _ others: [GivenOption]) throws {
    if let other = others.first(where: \.isGiven) {
      throw ValidationError("\(option) and \(other.name) exclude each other")
    }
  }

  var settings: SamplingSettings {
    var settings = greedy ? SamplingSettings.greedy : SamplingSettings()
    if !greedy {
      settings.temperature = temperature ?? Self.defaultTemperature
      settings.topK = topK == 0 ? nil : topK ?? Self.defaultTopK
      settings.topP = topP
    }
    settings.repetitionPenalty = repetitionPenalty ?? 1
    if let seed { settings.seed = seed }
    return settings
  }

  var mostTokens: Int { tokens ?? Self.defaultTokens }

  /// Options that have no effect on a model that draws.
  var ofTextOnly: [GivenOption] {
    [
      ("--tokens", tokens != nil), ("--temperature", temperature != nil), ("--top-k", topK != nil),
      ("--top-p", topP != nil), ("--repetition-penalty", repetitionPenalty != nil), ("--greedy", greedy),
      ("--beam", beam != nil), ("--stop", !stop.isEmpty),
    ]
  }

  var sampleCount: Int { count ?? (greedy ? 1 : Self.defaultCount) }
}
