import Checkpoints
import Foundation
import Kernels
import Tensors

/// GPT-2's weights under the names of Hugging Face's transformers, as its safetensors files have them.
///
/// The names may start with `transformer.`. Its `Conv1D` stores weights as [in, out], PyTorch's linear layers and ours
/// as [out, in]. The masks `attn.bias` and `attn.masked_bias` are not weights.
package enum GPT2Weights {
  private static let embedding = "wte.weight"
  private static let prefix = "transformer."

  /// Whether a file holds such weights.
  package static func areIn(_ contents: Safetensors.Contents) -> Bool {
    contents.entries.contains { $0.name == embedding || $0.name == prefix + embedding }
  }

  /// The name of a parameter in such files.
  struct Name: Equatable {
    let text: String
    let isTransposed: Bool
  }

  /// - Returns: nil if GPT-2 has no such parameter.
  static func name(of parameter: String) -> Name? {
    switch parameter {
    case "token_embedding.weight": return Name(text: embedding, isTransposed: false)
    case "position_embedding.weight": return Name(text: "wpe.weight", isTransposed: false)
    case "norm.weight", "norm.bias": return Name(text: "ln_f." + suffix(parameter), isTransposed: false)
    case "head.weight": return Name(text: "lm_head.weight", isTransposed: false)
    default: break
    }
    let parts = parameter.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "blocks" else { return nil }
    let modules: [String: (name: String, isProduct: Bool)] = [
      "attention_norm": ("ln_1", false), "attention.qkv": ("attn.c_attn", true),
      "attention.proj": ("attn.c_proj", true),
      "feed_forward_norm": ("ln_2", false), "feed_forward.up": ("mlp.c_fc", true),
      "feed_forward.down": ("mlp.c_proj", true),
    ]
    let end = suffix(parts[2])
    guard let module = modules[String(parts[2].dropLast(end.count + 1))] else { return nil }
    return Name(text: "h.\(parts[1]).\(module.name).\(end)", isTransposed: module.isProduct && end == "weight")
  }

  private static func suffix(_ name: String) -> String { name.split(separator: ".").last.map(String.init) ?? "" }

  /// Fills parameters from a file, which must hold all of them and no others.
  ///
  /// - Parameter tensors: the parameters under our names.
  package static func read(_ contents: Safetensors.Contents, at url: URL, into tensors: [CheckpointTensor]) throws {
    let known = Set(contents.entries.map(\.name))
    let front = known.contains(prefix + embedding) ? prefix : ""
    var temporary: [(from: TensorSlice, to: CheckpointTensor, memory: Arena)] = []
    var wanted: [CheckpointTensor] = []
    // A separate head that the file lacks starts as a copy of the embedding.
    var copies: [(from: TensorSlice, to: TensorSlice)] = []
    for tensor in tensors {
      guard let name = name(of: tensor.path) else {
        throw RunError(
          .configuration,
          "cannot start from \(url.lastPathComponent): it holds GPT-2's weights, which have no \(tensor.path);"
            + " use \"model\": {\"type\": \"transformer\", \"preset\": \"gpt2\", …}")
      }
      // The head is outside of the transformer, and has the embedding's weights if the file lacks it.
      let path =
        name.text.hasPrefix("lm_head") ? known.contains(name.text) ? name.text : front + embedding : front + name.text
      if let first = wanted.first(where: { $0.path == path }) {
        copies.append((first.slice, tensor.slice))
        continue
      }
      guard name.isTransposed else {
        wanted.append(CheckpointTensor(path: path, shape: tensor.shape, slice: tensor.slice))
        continue
      }
      let memory = Arena(byteCount: tensor.slice.byteCount)
      let slice = memory.all(as: .float32)
      let shape = TensorShape([tensor.shape[1], tensor.shape[0]])
      wanted.append(CheckpointTensor(path: path, shape: shape, slice: slice))
      temporary.append((slice, tensor, memory))
    }
    _ = try Safetensors.read(at: url, into: wanted, match: .subset)
    let used = Set(wanted.map(\.path))
    let extra = known.subtracting(used).sorted().first { name in
      !name.hasSuffix(".attn.bias") && !name.hasSuffix(".attn.masked_bias") && name != "lm_head.weight"
    }
    if let extra {
      throw RunError(
        .configuration,
        "cannot start from \(url.lastPathComponent): \(extra) is in the file only; set \"layers\" to GPT-2's number")
    }
    for (from, to) in copies { to.copy(from: from) }
    for (from, tensor, memory) in temporary {
      withExtendedLifetime(memory) {
        Transpose.apply(from, rows: tensor.shape[1], columns: tensor.shape[0], into: tensor.slice, accumulate: false)
      }
    }
  }
}
