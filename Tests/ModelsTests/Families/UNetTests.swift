import Configuration
import JSON
import Layers
import Models
import Tensors
import Testing

/// The U-Net's names, shapes and refusals; the golden cases compare its results with PyTorch's.
@Suite struct UNetTests {
  /// - Parameter condition: extents of a sample's condition and the bound of its numbers.
  private func graph(
    _ settings: String, image: [Int] = [16, 16, 3], hasTime: Bool = true, condition: (extents: [Int], below: Int)? = nil
  ) throws -> ModelGraph {
    var fields = [TestField("input", [2] + image)]
    if hasTime { fields.append(TestField("time", [2], below: 1000)) }
    if let condition { fields.append(TestField("condition", [2] + condition.extents, below: condition.below)) }
    return try ModelsTests.graph(
      #"{"type": "unet"\#(settings.isEmpty ? "" : ", ")\#(settings)}"#, fields: fields, outputs: image.last ?? 0)
  }

  private static let small = #""channels": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4, "attention": [8]"#

  /// Ho et al. 2020 for 32×32 pixels, as Benchmarks/peer_torch.py writes it.
  @Test func isThePapersNetworkByDefault() throws {
    let graph = try graph("", image: [32, 32, 3])
    #expect(graph.parameterCount == 8_952_067)
    #expect(graph.predictionShape == TensorShape([2, 32, 32, 3]))
    let attended = Set(graph.names.filter { $0.hasSuffix(".attention") })
    #expect(
      attended == Set(["down.1.0", "down.1.1", "middle.0", "up.1.0", "up.1.1", "up.1.2"].map { "\($0).attention" }))
  }

  @Test func namesParametersByPlace() throws {
    let names = try Set(graph(Self.small).parameterNames)
    let modules = Set(names.map { $0.split(separator: ".").dropLast().joined(separator: ".") })
    let block = ["norm1", "conv1", "condition", "norm2", "conv2"]
    let attention = ["norm", "qkv", "proj"].map { "attention.\($0)" }
    var expected = ["time.0", "time.2", "stem", "down.0.downsample", "up.1.upsample", "norm", "out"]
    for (place, parts) in [
      ("down.0.0", block), ("down.1.0", block + ["skip"] + attention), ("middle.0", block + attention),
      ("middle.1", block), ("up.1.0", block + ["skip"] + attention), ("up.1.1", block + ["skip"] + attention),
      ("up.0.0", block + ["skip"]), ("up.0.1", block + ["skip"]),
    ] { expected += parts.map { "\(place).\($0)" } }
    #expect(modules == Set(expected))
  }

  /// Outputs of a level are concatenated with inputs of their size on the way up, in reverse order.
  @Test func concatenatesOutputsOfTheWayDown() throws {
    let graph = try graph(Self.small)
    let joints = graph.nodes.filter { $0.layer is Concatenate }
    #expect(joints.map { graph.shape(of: $0.inputs[0]).last } == [16, 16, 16, 8])
    let kept = joints.map { joint -> String in
      guard case .node(let index) = joint.inputs[1] else { return "a field" }
      return graph.nodes[index].name
    }
    #expect(kept == ["down.1.0.image", "down.0.downsample", "down.0.0.add", "stem"])
  }

  @Test func readsAClassWithTheTimeAndACaptionByAttention() throws {
    let ofClass = try graph(Self.small, condition: ([], 11))
    #expect(ofClass.parameterNames.contains("class_embedding.weight"))
    #expect(!ofClass.names.contains { $0.contains("cross_attention") })
    let ofText = try graph(Self.small + #", "text_encoder": {"width": 12, "heads": 3}"#, condition: ([7], 29))
    let crossed = ofText.nodes.filter { $0.name.hasSuffix(".cross_attention") }
    #expect(crossed.count == 4)
    for node in crossed { #expect(ofText.shape(of: node.inputs[1]) == TensorShape([2, 7, 32])) }
  }

  @Test func changesSizeBySettings() throws {
    let other = #", "downsample": "average_pool", "upsample": "transposed""#
    let graph = try graph(Self.small + other)
    #expect(graph.nodes.contains { $0.layer is AveragePool2D && $0.name == "down.0.downsample" })
    #expect(graph.nodes.contains { $0.layer is ConvTranspose2D && $0.name == "up.1.upsample" })
    let bilinear = try self.graph(Self.small + #", "upsample": "bilinear""#)
    #expect(bilinear.parameterCount == (try self.graph(Self.small)).parameterCount)
  }

  @Test func startsBranchesAtZeroByDefault() throws {
    func zeros(_ graph: ModelGraph) -> Set<String> {
      let weights = graph.nodes.filter { $0.layer.parameters.first?.initializer == .zeros }
      return Set(weights.compactMap { $0.name.split(separator: ".").last.map(String.init) })
    }
    #expect(try zeros(graph(Self.small)) == ["conv2", "proj", "out"])
    #expect(try zeros(graph(Self.small + #", "zero_init": false"#)).isEmpty)
  }

  @Test(arguments: [
    ("", [28, 28, 1], "unet halves images 3 times, so their sides must be multiples of 8"),
    (#""attention": [32, 12]"#, [32, 32, 3], "no level has images 12 pixels high; the levels have 32, 16, 8, 4"),
    ("", [64], "unet expects images [height, width, channels]"),
  ])
  func refusesImagesThatDoNotFit(_ settings: String, _ image: [Int], _ words: String) {
    let error = #expect(throws: GraphError.self) { _ = try graph(settings, image: image) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test func refusesDataWithoutATime() {
    let error = #expect(throws: GraphError.self) { _ = try graph(Self.small, hasTime: false) }
    #expect(error?.description.contains("\"time\"") == true)
  }

  @Test(arguments: [
    (#""channels": 48"#, "model.groups", "32 groups do not divide the 48 channels of a level"),
    (#""heads": 3"#, "model.heads", "3 heads do not divide the 64 channels of a level"),
    (#""multipliers": []"#, "model.multipliers", "expected"),
    (#""upsample": "cubic""#, "model.upsample", "nearest"),
  ])
  func refusesSettings(_ settings: String, _ place: String, _ words: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try graph(settings) }
    let text = error?.description ?? ""
    #expect(text.contains(place) && text.contains(words), "\(text)")
  }
}
