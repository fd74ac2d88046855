import Data
import Foundation
import Inference
import JSON
import Models
import Runs
import Tensors
import Tokenizers

/// Tokens in a sample of `randomModel`.
let sampleLength = 48
/// Tokens of a source.
let sourceLength = 9

/// A language model of bytes with initial parameters, scaled up so that its predictions differ.
///
/// - Parameter vocabulary: the model's tokens; those of bytes by default.
func randomModel(
  _ model: String, precision: Precision = .float32, vocabulary: Int = Tokenizer.bytes.vocabularySize
) throws -> LanguageModel {
  let json = """
    {
      "name": "random", "seed": 5, "data": {"type": "text", "files": "none.txt", "length": \(sampleLength)},
      "model": \(model), "optimizer": {"type": "adamw"}, "training": {"duration": "1 step"}
    }
    """
  let configuration = try RunConfiguration(JSONParser.parse(json, file: "test"))
  func field(_ name: String, _ shape: [Int], _ count: Int) -> SampleField {
    SampleField(name: name, shape: TensorShape(shape), type: .int32, classCount: count)
  }
  var fields = [SampleField.input, SampleField.target].map { field($0, [sampleLength], vocabulary) }
  if model.contains("encoder_decoder") {
    fields.append(field("source", [sourceLength], vocabulary))
    fields.append(SampleField(name: "source_lengths", shape: .scalar, type: .int32))
  }
  return try LanguageModel(configuration, fields, .bytes, precision, of: "random") { graph in
    let state = ModelState(try ParameterTable(graph), precision: precision)
    state.table.initialize(parameters: state.parameters, buffers: state.buffers, seed: 5)
    var all = state.parameters.all(as: .float32).mutableFloats
    for index in all.indices { all[index] *= 3 }
    state.refreshBF16Weights()
    return state
  }
}

/// Bytes that look random.
func randomTokens(_ count: Int, seed: UInt64 = 1) -> [Int32] {
  let stream = RandomStream(seed: seed, purpose: .checking)
  return (0..<count).map { Int32(stream.integer($0, below: 256)) }
}

/// The largest difference, relative to the largest value.
func difference(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Float {
  let (a, b) = (Array(a), Array(b))
  guard a.count == b.count else { return .infinity }
  let largest = b.map(abs).max() ?? 1
  return zip(a, b).map { abs($0 - $1) }.max().map { $0 / largest } ?? .infinity
}
