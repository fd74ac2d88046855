import Checkpoints
import Data
import Foundation
import Inference
import JSON
import Runs
import Tensors
import TestSupport
import Testing
import Tokenizers
import Training

/// Weights of GPT-2 under Hugging Face's names, with the logits of PyTorch, from Tests/Golden/make_gpt2_import.py.
struct GPT2ImportTests {
  private let temporary: TemporaryFolder
  private var folder: URL { temporary.url }
  private let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden")

  init() throws {
    temporary = try TemporaryFolder()
  }

  /// - Parameter setting: a change of the model.
  private func model(_ setting: String? = nil) throws -> RunModel {
    let text = folder.appending(path: "text.txt")
    try Data(repeating: 65, count: 600).write(to: text)
    let json = """
      {
        "name": "gpt2", "data": {"type": "text", "files": "\(text.path)", "length": 12, "batch_size": 2},
        "model": {"type": "transformer", "preset": "gpt2", "layers": 2, "heads": 4, "width": 32, "context": 24},
        "optimizer": {"type": "adamw"}, "training": {"duration": "1 step"}
      }
      """
    let base = try JSONParser.parse(json, file: "test")
    let configuration = try RunConfiguration(setting.map { try base.setting("model.\($0)") } ?? base)
      .resolvingMicroBatches()
    let data = try Dataset(opening: configuration.data, runSeed: configuration.seed)
    return RunModel(try RunPlan(configuration, data: data, lanes: 1))
  }

  /// A copy of the golden weights with other names.
  private func renamed(_ change: (String) -> String?) throws -> URL {
    let url = golden.appending(path: "gpt2-import.safetensors")
    let entries = try Safetensors.contents(at: url).entries
    let tensors = entries.map { entry in
      let shape = TensorShape(entry.dimensions)
      let arena = Arena(byteCount: 4 * shape.elementCount)
      return (arena, CheckpointTensor(path: entry.name, shape: shape, slice: arena.all(as: .float32)))
    }
    _ = try Safetensors.read(at: url, into: tensors.map(\.1))
    let copy = folder.appending(path: "\(UUID().uuidString).safetensors")
    try withExtendedLifetime(tensors) {
      try Safetensors.write(
        tensors.compactMap { _, tensor in
          change(tensor.path).map { CheckpointTensor(path: $0, shape: tensor.shape, slice: tensor.slice) }
        }, to: copy)
    }
    return copy
  }

  private func check(_ url: URL, _ setting: String? = nil) throws {
    let model = try model(setting)
    model.initialize()
    try model.load(parametersFrom: url)
    let language = try LanguageModel(
      model.configuration, model.data.fields, .bytes, .float32, of: "gpt2"
    ) { _ in model.state }
    let tokens = Arena(byteCount: 4 * 21)
    let logits = Arena(byteCount: 4 * 21 * 256)
    _ = try Safetensors.read(
      at: golden.appending(path: "gpt2-import-answer.safetensors"),
      into: [
        CheckpointTensor(path: "tokens", shape: TensorShape([21]), slice: tokens.all(as: .int32)),
        CheckpointTensor(path: "logits", shape: TensorShape([21, 256]), slice: logits.all(as: .float32)),
      ])
    let prompt = (0..<21).map { tokens.all(as: .int32).integers[$0] }
    let expected = (0..<21 * 256).map { logits.all(as: .float32).floats[$0] }
    #expect(difference(try language.logits(of: prompt), expected) < 1e-5)
  }

  @Test func logitsAreThoseOfPyTorch() throws {
    try check(golden.appending(path: "gpt2-import.safetensors"))
    try check(renamed { "transformer." + $0 })
    try check(renamed { $0.hasSuffix(".attn.bias") ? String($0.dropLast(4)) + "masked_bias" : $0 })
    // A separate head starts as the embedding.
    try check(golden.appending(path: "gpt2-import.safetensors"), "tied_head=false")
  }

  @Test func otherShapesAreRefused() throws {
    let weights = golden.appending(path: "gpt2-import.safetensors")
    func refuse(_ setting: String?, _ url: URL, _ words: String...) throws {
      let model = try model(setting)
      #expect {
        try model.load(parametersFrom: url)
      } throws: { error in
        let text = "\(error)"
        return (error as? RunError)?.cause == .configuration && !text.contains("\n")
          && words.allSatisfy { text.contains($0) }
      }
    }
    try refuse("layers=3", weights, "h.2.ln_1.weight is missing")
    try refuse("layers=1", weights, "h.1.", "in the file only", "layers")
    try refuse("width=64", weights, "wte.weight is [256, 32] in the file", "[256, 64] here")
    try refuse("feed_forward_width=64", weights, "h.0.mlp.c_fc.weight is [32, 128] in the file, [32, 64] here")
    try refuse("context=32", weights, "wpe.weight")
    try refuse("feed_forward=swiglu", weights, "have no blocks.0.feed_forward.gate_up")
    try refuse(nil, renamed { $0 == "h.1.mlp.c_proj.bias" ? nil : $0 }, "h.1.mlp.c_proj.bias is missing")
  }
}
