import Configuration
import JSON
import Layers
import Tensors
import Testing

/// The results and the errors of transposed convolutions.
@Suite struct ConvTranspose2DTests {
  private func make(_ settings: String, _ input: [Int]) throws -> any Layer {
    let json = try JSONParser.parse(#"{"type": "conv_transpose2d", \#(settings)}"#, file: "test")
    return try layerCatalog.read(json).product.make([input.shape])
  }

  /// Every pixel writes its window of weights, W (C, O / groups, h, w), into y.
  @Test func writesWindows() throws {
    let (height, width, channels, filters, groups) = (3, 2, 4, 6, 2)
    let layer = try make(
      #""filters": 6, "kernel": [3, 4], "stride": [2, 3], "padding": [1, 2], "output_padding": [1, 0], "groups": 2"#,
      [2, height, width, channels])
    let bench = LayerBench(layer)
    bench.fill()
    bench.forward()
    let (x, weights, bias) = (bench.inputs[0].values, bench.parameters[0].values, bench.parameters[1].values)
    let (large, wide) = (layer.outputShape[1], layer.outputShape[2])
    #expect((large, wide) == ((height - 1) * 2 - 2 + 3 + 1, (width - 1) * 3 - 4 + 4))
    var expected = (0..<2 * large * wide * filters).map { Double(bias[$0 % filters]) }
    for i in x.indices {
      let (pixel, channel) = (i / channels, i % channels)
      let (image, row, column) = (pixel / (height * width), pixel / width % height, pixel % width)
      for filter in 0..<filters / groups {
        for (h, w) in (0..<12).map({ ($0 / 4, $0 % 4) }) {
          let (y, z) = (row * 2 + h - 1, column * 3 + w - 2)
          guard 0..<large ~= y, 0..<wide ~= z else { continue }
          let out = channel / (channels / groups) * (filters / groups) + filter
          let weight = weights[((channel * filters / groups + filter) * 3 + h) * 4 + w]
          expected[((image * large + y) * wide + z) * filters + out] += Double(x[i] * weight)
        }
      }
    }
    for (mine, goal) in zip(bench.output.values, expected) { #expect(abs(Double(mine) - goal) < 1e-4) }
  }

  @Test(arguments: [
    (#""filters": 4, "kernel": 3"#, [2, 12], "expects images (batch, height, width, channels), got the shape [2, 12]"),
    (#""filters": 4, "kernel": 3, "groups": 3"#, [2, 5, 5, 6], "6 channels into 4 filters in 3 groups"),
    (
      #""filters": 4, "kernel": 3, "output_padding": 1"#, [2, 5, 5, 6],
      "output_padding 1 must be smaller than its stride 1"
    ),
    (#""filters": 4, "kernel": 3, "padding": 3"#, [2, 9, 9, 6], "padding 3 leaves nothing"),
    (#""filters": 4, "kernel": 3, "padding": 2"#, [2, 1, 9, 6], "padding 2 leaves nothing"),
  ])
  func refusals(settings: String, input: [Int], message: String) throws {
    let error = #expect(throws: LayerError.self) { _ = try make(settings, input) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }
}
