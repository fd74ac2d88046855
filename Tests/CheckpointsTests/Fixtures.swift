import Checkpoints
import Files
import Foundation
import Tensors
import TestSupport

extension TemporaryFolder {
  func checkpoint(_ step: Int) -> URL { file(CheckpointFile.name(step: step)) }

  /// Replaces the folder's contents by those of another.
  func copy(from other: TemporaryFolder) throws {
    for name in try names() { try FileManager.default.removeItem(at: file(name)) }
    for name in try other.names() { try FileManager.default.copyItem(at: other.file(name), to: file(name)) }
  }
}

/// A small model's tensors over an arena that it keeps alive.
struct SampleTensors {
  let arena: Arena
  let tensors: [CheckpointTensor]

  static let shapes: [(path: String, dimensions: [Int], type: ElementType)] = [
    ("parameters/hidden.0.weight", [32, 24], .float32), ("parameters/hidden.0.bias", [32], .float32),
    ("parameters/blocks.0.attention.qkv.weight", [96, 32], .float32), ("parameters/temperature", [], .float32),
    ("parameters/conv.weight", [8, 4, 3, 3], .float32), ("optimizer/m/hidden.0.weight", [32, 24], .float32),
    ("optimizer/v/hidden.0.weight", [32, 24], .float32), ("state/counts", [5], .int32),
  ]

  /// - Parameter seed: nil leaves everything zero.
  init(seed: UInt64?, shapes: [(path: String, dimensions: [Int], type: ElementType)] = SampleTensors.shapes) {
    let sizes = shapes.map { TensorShape($0.dimensions).elementCount * $0.type.byteCount }
    let arena = Arena(byteCount: sizes.reduce(0) { $0 + Arena.aligned($1) })
    if let seed {
      let stream = RandomStream(seed: seed, purpose: .checking)
      var words = arena.all(as: .int32).mutableIntegers
      // Any bit pattern: signalling NaNs, infinities and denormals must come back as they were.
      for index in words.indices { words[index] = Int32(bitPattern: stream.word(index)) }
    }
    var offset = 0
    tensors = zip(shapes, sizes).map { shape, size in
      defer { offset += Arena.aligned(size) }
      return CheckpointTensor(
        path: shape.path, shape: TensorShape(shape.dimensions),
        slice: arena.slice(offset: offset, count: size / shape.type.byteCount, type: shape.type))
    }
    self.arena = arena
  }

  /// Every tensor's bytes, one after the other.
  var bytes: [UInt8] { tensors.flatMap { tensor in tensor.slice.bytes.withUnsafeBytes { Array($0) } } }
}

func sampleMetadata(step: Int) -> CheckpointMetadata {
  var metadata = CheckpointMetadata(step: step)
  metadata.configuration = #"{"name": "größe ✓"}"#
  metadata.state = #"{"best": null}"#
  metadata.build = ""
  metadata.tokenizer = "a\nb\n"
  return metadata
}

/// Writes the sample of `seed` = `step`.
@discardableResult
func writeSample(_ step: Int, in folder: TemporaryFolder, calls: FileSystemCalls = .real) throws -> CheckpointReceipt {
  let sample = SampleTensors(seed: UInt64(step))
  return try withExtendedLifetime(sample.arena) {
    try CheckpointFile.write(
      sample.tensors, metadata: sampleMetadata(step: step), to: folder.checkpoint(step), calls: calls)
  }
}

/// The error of `body`, or nil where it succeeded.
func failure(_ body: () throws(CheckpointError) -> Void) -> CheckpointError? {
  do {
    try body()
    return nil
  } catch {
    return error
  }
}
