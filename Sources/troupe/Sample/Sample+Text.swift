import Formats
import Foundation
import Inference
import JSON
import Runs
import Tokenizers

/// Texts of a language model.
extension Sample {
  func writeText(_ stored: StoredRun) throws {
    guard prompt.count <= 1 else {
      throw CommandFailure("--prompt: expected one text to continue, found \(prompt.count)", 2)
    }
    let language = try LanguageModel(stored)
    let sourceTokens = try Prompt.source(sourceText, for: language)
    let given = try Prompt(prompt.first, for: language)
    if given.cutCount > 0 {
      Output.note(
        "the prompt's first \(given.cutCount) of \(given.cutCount + given.tokens.count) tokens are cut:"
          + " the model's context is \(given.tokens.count)")
    }
    if let attention { return try draw(language, given, sourceTokens, to: attention, stored) }
    let start = ContinuousClock.now
    let texts =
      try options.beam.map { try search($0, language, given, sourceTokens) }
      ?? samples(language, given, sourceTokens)
    report(texts, given, seconds: (ContinuousClock.now - start) / .seconds(1), stored)
  }

  /// A finished text.
  private struct Written {
    var text: GrowingText
    var score: (sum: Double, normalized: Double)?
  }

  private func samples(
    _ language: LanguageModel, _ prompt: Prompt, _ sourceTokens: [Int32]
  ) throws -> [Written] {
    let model = try StoredTokenModel(language, rows: 1)
    if language.source != nil { try model.setSource(sourceTokens) }
    let rule = StopRule(language.tokenizer, strings: options.stop)
    let generation = SampleGeneration(model, options.settings, most: options.mostTokens)
    var written: [Written] = []
    for number in 0..<options.sampleCount {
      if number > 0 { show("\(Self.separator)\n") }
      show(prompt.text)
      var text = GrowingText(rule)
      try generation.run(prompt: prompt.tokens, first: number) { (_, token) throws(RunError) in
        show(try text.append(checked: token))
        return text.ending == nil
      }
      show(text.finish() + "\n")
      written.append(Written(text: text))
    }
    return written
  }

  private func search(
    _ width: Int, _ language: LanguageModel, _ prompt: Prompt, _ sourceTokens: [Int32]
  ) throws -> [Written] {
    let model = try StoredTokenModel(language, rows: width)
    if language.source != nil { try model.setSource(sourceTokens) }
    let rule = StopRule(language.tokenizer, strings: options.stop)
    let search = BeamSearch(
      model, lengthPenalty: options.lengthPenalty ?? 0, most: options.mostTokens, isEnd: rule.isEnd)
    let found = try search.run(prompt: prompt.tokens).prefix(options.results ?? 1)
    return try found.enumerated().map { number, hypothesis in
      var text = GrowingText(rule)
      for token in hypothesis.tokens where text.ending == nil { _ = try text.append(checked: token) }
      _ = text.finish()
      if number > 0 { show("\(Self.separator)\n") }
      show("\(prompt.text)\(text.text)\n")
      Output.note(
        String(format: "score %.4f, by length %.4f", hypothesis.score, hypothesis.normalizedScore))
      return Written(text: text, score: (hypothesis.score, hypothesis.normalizedScore))
    }
  }

  /// Shows text as it comes.
  private func show(_ text: String) { if !text.isEmpty { json.output.show(text) } }

  private func report(_ written: [Written], _ prompt: Prompt, seconds: Double, _ stored: StoredRun) {
    let count = written.reduce(0) { $0 + $1.text.tokens.count }
    let rate = Double(count) / max(seconds, 1e-9)
    Output.note(String(format: "%d tokens in %.2f s, %.0f tokens/s", count, seconds, rate))
    json.output.result(
      .object([
        ("run", .string(source.run)), ("step", .integer(stored.state.step)), ("prompt", .string(prompt.text)),
        ("prompt_tokens", .integer(prompt.tokens.count)), ("cut_tokens", .integer(prompt.cutCount)),
        (
          "samples",
          .array(
            written.map {
              .object([
                ("text", .string($0.text.text)), ("tokens", .integer($0.text.tokens.count)),
                ("ended_by", .string(($0.text.ending ?? .length).rawValue)),
                ("score", $0.score.map { .number($0.sum) } ?? .null),
                ("normalized_score", $0.score.map { .number($0.normalized) } ?? .null),
              ])
            })
        ),
        ("tokens", .integer(count)), ("seconds", .number(seconds)), ("tokens_per_second", .number(rate)),
      ]))
  }

  private func draw(
    _ language: LanguageModel, _ prompt: Prompt, _ sourceTokens: [Int32], to path: String, _ stored: StoredRun
  ) throws {
    let maps = try AttentionMap.maps(language, prompt: prompt.tokens, source: sourceTokens, layer: layer)
    let image = try AttentionSheet.draw(maps)
    try image.writePNG(to: path)
    json.output.say(
      "\(maps.count) \(maps.count == 1 ? "layer" : "layers") of attention over \(prompt.tokens.count) tokens")
    json.output.say("wrote \(path)")
    json.output.result(
      .object([
        ("file", .string(path)), ("step", .integer(stored.state.step)),
        ("layers", .array(maps.map { .string($0.layer) })), ("tokens", .integer(prompt.tokens.count)),
        ("width", .integer(image.width)), ("height", .integer(image.height)),
      ]))
  }
}

extension GrowingText {
  /// Appends a token of the model, whose vocabulary is the tokenizer's.
  fileprivate mutating func append(checked token: Int32) throws(RunError) -> String {
    do throws(TokenizerError) {
      return try append(token)
    } catch {
      throw RunError("\(error)")
    }
  }
}
