import Configuration
import Optimizers
import Tensors
import Testing

@Suite struct ParameterGroupTests {
  private let names = [
    "embedding.weight", "blocks.0.norm.weight", "blocks.0.linear.weight", "blocks.0.linear.bias", "head.weight",
    "head.bias",
  ]
  private let shapes = [[10, 4], [4], [4, 4], [4], [10, 4], [10]].map { TensorShape($0) }

  private func resolve(_ text: String) throws -> [ParameterGroup] {
    try optimizerCatalog.read(json(text), path: "optimizer").product.groups.resolve(names: names, shapes: shapes)
  }

  private func message(_ text: String) throws -> String {
    do {
      _ = try resolve(text)
      return "no error"
    } catch let error as ConfigurationError {
      return error.description
    }
  }

  @Test func decayLeavesBiasesAndNormsAlone() throws {
    #expect(try resolve(#"{"type": "adamw"}"#).map(\.weightDecay) == [0.01, 0, 0.01, 0, 0.01, 0])
    #expect(
      try resolve(#"{"type": "adamw", "weight_decay": 0.2, "decay_biases_and_norms": true}"#)
        .allSatisfy { $0 == ParameterGroup(weightDecay: 0.2) })
  }

  @Test func theFirstGroupThatMatchesCounts() throws {
    let groups = try resolve(
      """
      {"type": "adamw", "weight_decay": 0.5, "groups": [
        {"pattern": "head.*", "learning_rate_scale": 10}, {"pattern": "*.bias", "weight_decay": 0.25},
        {"pattern": "blocks.?.norm*", "frozen": true}]}
      """)
    #expect(
      groups == [
        ParameterGroup(weightDecay: 0.5), ParameterGroup(isFrozen: true), ParameterGroup(weightDecay: 0.5),
        ParameterGroup(weightDecay: 0.25), ParameterGroup(rateScale: 10, weightDecay: 0.5),
        ParameterGroup(rateScale: 10),
      ])
  }

  @Test(arguments: [
    ("haed.*", "test:1:42: optimizer.groups[0].pattern: \"haed.*\" matches no parameter, did you mean \"head.*\"?"),
    ("*.bais", "\"*.bais\" matches no parameter, did you mean \"*.bias\"?"),
    ("blocks.0.linear.wieght", "did you mean \"blocks.0.linear.weight\"?"),
    ("zzzzzzzzzzzz", "matches no parameter; known: embedding.weight, "),
  ])
  func uselessPatternsAreRefused(_ pattern: String, _ expected: String) throws {
    let message = try message(#"{"type": "adamw", "groups": [{"pattern": "\#(pattern)"}]}"#)
    #expect(message.contains(expected), "\(message)")
  }

  @Test func shadowedAndAllFrozenAreRefused() throws {
    #expect(
      try message(#"{"type": "sgd", "groups": [{"pattern": "*.bias"}, {"pattern": "head.bias"}]}"#)
        .contains("groups[1].pattern: \"head.bias\" matches only parameters of earlier groups"))
    #expect(
      try message(#"{"type": "sgd", "groups": [{"pattern": "*", "frozen": true}]}"#)
        .contains("optimizer.groups: freezes every parameter"))
  }

  @Test(arguments: [
    ("*", "", true), ("", "", true), ("", "a", false), ("a*c", "abbc", true), ("a*c", "abb", false), ("?", "", false),
    ("?b?", "abc", true), ("*a*b*", "xxaxxbxx", true), ("*a*b*", "xxbxxaxx", false), ("**", "a", true),
    ("head.*", "head", false), ("*.weight", "a.b.weight", true), ("a?", "a", false),
  ])
  func globs(_ pattern: String, _ name: String, _ matches: Bool) {
    #expect(Glob(pattern).matches(name) == matches)
  }

  @Test func hostilePatternsAreFast() {
    let pattern = Glob(String(repeating: "*a", count: 200) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 2000)))
  }
}
