import Checkpoints
import Files
import Foundation
import Models

extension ModelState {
  /// Writes parameters and buffers as safetensors, under PyTorch's names.
  ///
  /// - Parameter step: the number of training steps behind the state.
  /// - Returns: the number of tensors.
  package func export(to url: URL, step: Int) throws(CheckpointError) -> Int {
    var tensors = table.entries.map {
      CheckpointTensor(path: $0.name, shape: $0.shape, slice: table.slice($0, in: parameters))
    }
    tensors += table.buffers.map {
      CheckpointTensor(path: $0.name, shape: $0.declaration.shape, slice: table.slice($0, in: buffers))
    }
    try Safetensors.write(tensors, metadata: ["format": "pt", "step": String(step)], to: url)
    return tensors.count
  }

  /// SHA-256 of all parameters and buffers, tensor after tensor.
  package var digest: String {
    var digest = Digest.sha256()
    for tensor in table.evaluatedTensors(self, isAverage: false) { digest.update(tensor.slice.bytes) }
    return digest.hexadecimal()
  }
}
