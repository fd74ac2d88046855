import Configuration
import Optimizers
import Testing

@Suite struct CatalogTests {
  @Test(arguments: optimizerCatalog.entries.map(\.kind)) func optimizersHaveDefaults(_ kind: String) throws {
    try check(optimizerCatalog, kind)
  }

  @Test(arguments: scheduleCatalog.entries.map(\.kind)) func schedulesHaveDefaults(_ kind: String) throws {
    try check(scheduleCatalog, kind)
  }

  @Test(arguments: clippingCatalog.entries.map(\.kind)) func clippingsHaveDefaults(_ kind: String) throws {
    try check(clippingCatalog, kind)
  }

  private func check<Product>(_ catalog: Catalog<Product>, _ kind: String) throws {
    let read = try catalog.read(json(#"{"type": "\#(kind)"}"#))
    // A resolved configuration is a configuration.
    #expect(try catalog.read(read.resolved).resolved == read.resolved)
    #expect(try failure(catalog, #"{"type": "\#(kind)", "nonsense": 1}"#)?.contains("nonsense: unknown key") == true)
  }

  @Test func schemaKnowsEveryKey() throws {
    let definitions = SchemaDefinitions()
    let reader = SettingsReader(describingInto: definitions)
    _ = try reader.component("optimizer", from: optimizerCatalog, "")
    _ = try reader.component("schedule", from: scheduleCatalog, "")
    let alternatives = try #require(definitions.alternatives["optimizer"])
    #expect(alternatives.count == optimizerCatalog.entries.count)
    let texts = alternatives.map { $0.schema.compactText }
    for key in ["learning_rate", "weight_decay", "decay_biases_and_norms", "learning_rate_scale", "frozen"] {
      #expect(texts.allSatisfy { $0.contains("\"\(key)\"") })
    }
    for text in try #require(definitions.alternatives["schedule"]).map({ $0.schema.compactText }) {
      #expect(text.contains("\"warmup\""))
    }
  }

  @Test(arguments: [
    (#"{"type": "adamw", "learning_rat": 1}"#, "learning_rat: unknown key, did you mean \"learning_rate\"?"),
    (#"{"type": "adam", "betas": [0.9, 1]}"#, "betas: [0.9, 1.0] is out of range: each must be below 1"),
    (#"{"type": "sgd", "nesterov": true}"#, "nesterov: needs \"momentum\" above 0 and no \"dampening\""),
    (#"{"type": "sgd", "dampening": 0.5}"#, "dampening: has no effect without \"momentum\""),
    (#"{"type": "sgd", "momentum": 1}"#, "momentum: 1 never forgets: expected below 1"),
    (#"{"type": "newton"}"#, "unknown type \"newton\""),
    (#"{"type": "adamw", "learning_rate": "1e-3"}"#, "learning_rate: expected a number"),
    (#"{"type": "adamw", "groups": [{"pattern": ""}]}"#, "groups[0].pattern: is empty"),
    (#"{"type": "adamw", "groups": [{"pattern": "a", "frozen": true, "weight_decay": 1}]}"#, "groups[0].frozen"),
  ])
  func errorsSayWhereAndWhat(_ text: String, _ expected: String) throws {
    let message = try failure(optimizerCatalog, text)
    #expect(message?.contains(expected) == true, "\(message ?? "no error")")
  }

  private struct Policy: Settings {
    let policy: NonfinitePolicy
    init(from reader: SettingsReader) throws(ConfigurationError) { policy = try reader.nonfinitePolicy() }
  }

  private func policy(_ text: String) throws -> NonfinitePolicy { try Policy(from: SettingsReader(json(text))).policy }

  @Test func nonfinitePolicies() throws {
    #expect(try policy("{}") == .abort)
    #expect(try policy(#"{"on_nonfinite": "skip", "max_skipped": 2}"#) == .skip(limit: 2))
    #expect(try policy(#"{"on_nonfinite": "roll_back"}"#) == .rollBack(limit: 3))
    #expect(throws: ConfigurationError.self) { try policy(#"{"max_skipped": 2}"#) }
    #expect(throws: ConfigurationError.self) { try policy(#"{"on_nonfinite": "skip", "max_roll_backs": 2}"#) }
    let skip = NonfinitePolicy.skip(limit: 2)
    #expect(skip.decide(skipped: 1, rollBacks: 0) == .skip)
    #expect(NonfinitePolicy.rollBack(limit: 1).decide(skipped: 0, rollBacks: 0) == .rollBack)
    for decision in [
      skip.decide(skipped: 2, rollBacks: 0), NonfinitePolicy.abort.decide(skipped: 0, rollBacks: 0),
      NonfinitePolicy.rollBack(limit: 1).decide(skipped: 0, rollBacks: 1),
    ] {
      guard case .abort = decision else {
        Issue.record("\(decision) instead of an abort")
        continue
      }
    }
  }

  @Test func averages() throws {
    func settings(_ text: String) throws -> AverageSettings { try AverageSettings(from: SettingsReader(json(text))) }
    #expect(try !settings("{}").isEnabled)
    let warm = try settings(#"{"decay": 0.999}"#)
    #expect(warm.isEnabled)
    #expect(warm.decay(step: 0) == 0.1)
    #expect(warm.decay(step: 90) == 0.91)
    #expect(warm.decay(step: 1_000_000) == 0.999)
    #expect(try settings(#"{"decay": 0.99, "warmup": false}"#).decay(step: 0) == 0.99)
    #expect(throws: ConfigurationError.self) { try settings(#"{"decay": 1}"#) }
  }
}
