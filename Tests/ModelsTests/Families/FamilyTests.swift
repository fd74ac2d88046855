import Models
import Testing

/// Every family of the catalog: builds a graph, and describes its memory consistently.
@Suite struct FamilyTests {
  private static let image = TestField("input", [2, 8, 8, 3])
  private static let tokens = TestField("input", [2, 6], below: 5)
  private static let time = TestField("time", [2], below: 10)

  /// Settings and fields of a small model of each family.
  private static let examples: [String: (settings: String, fields: [TestField])] = [
    "mlp": (#""depth": 1, "width": 4"#, [image]),
    "convolution": (#""layers": [{"type": "convolution", "filters": 4}]"#, [image]),
    "resnet": (#""depth": 8"#, [image]),
    "transformer": (#""layers": 1, "width": 8, "heads": 2"#, [tokens]),
    "encoder_decoder": (
      #""layers": 1, "width": 8, "heads": 2"#,
      [tokens, TestField("source", [2, 4], below: 7), TestField("source_lengths", [2], below: 5)]
    ),
    "recurrent": (#""units": 4"#, [tokens]),
    "dit": (#""width": 8, "depth": 1, "heads": 2"#, [image, time]),
    "unet": (#""channels": 4, "multipliers": [1, 2], "groups": 2, "attention": []"#, [image, time]),
    "layers": (#""layers": [{"type": "flatten"}, {"type": "linear", "units": 5}]"#, [image]),
  ]

  @Test(arguments: architectureCatalog.entries.map(\.kind)) func buildsAGraph(_ kind: String) throws {
    let example = try #require(Self.examples[kind], "add an example of the family")
    let model = #"{"type": "\#(kind)", \#(example.settings)}"#
    let graph = try graph(model, fields: example.fields, outputs: 5)
    #expect(Set(graph.names).count == graph.names.count && graph.parameterCount > 0 && graph.unreadFields.isEmpty)
    #expect(graph.predictionShape?.last == 5)
    let family = try family(model)
    #expect(!family.predictsNextToken || family.memory(ofSamples: 6) != nil && graph.predictsSequences)
  }
}
