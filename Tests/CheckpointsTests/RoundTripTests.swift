import Checkpoints
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct RoundTripTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func everyBitIsRestored() throws {
    let written = SampleTensors(seed: 7)
    let metadata = sampleMetadata(step: 1_000)
    let url = folder.checkpoint(1_000)
    let receipt = try CheckpointFile.write(written.tensors, metadata: metadata, to: url)
    let read = SampleTensors(seed: nil)
    #expect(try CheckpointFile.read(at: url, into: read.tensors) == metadata)
    #expect(read.bytes == written.bytes)
    #expect(try CheckpointFile.metadata(at: url) == metadata)

    let summary = try CheckpointFile.verify(at: url)
    #expect(summary.digest == receipt.digest && summary.byteCount == receipt.byteCount && summary.step == 1_000)
    #expect(summary.metadata == metadata)
    let expected = SampleTensors.shapes.map {
      CheckpointSummary.Tensor(path: $0.path, shape: TensorShape($0.dimensions), type: $0.type)
    }
    #expect(summary.tensors == expected.sorted { $0.path < $1.path })
    #expect(try folder.names() == ["step-00001000.h5", "step-00001000.h5.sha256"])
    let sidecar = try String(contentsOf: CheckpointFile.digestURL(of: url), encoding: .utf8)
    #expect(sidecar == "\(receipt.digest)  step-00001000.h5\n")
    #expect(Digest.sha256(Array(try Data(contentsOf: url))) == receipt.digest)
  }

  @Test func tensorsLieInTheFileAsTheyLieInMemory() throws {
    let sample = SampleTensors(seed: 3)
    let url = folder.checkpoint(1)
    try CheckpointFile.write(sample.tensors, metadata: CheckpointMetadata(step: 1), to: url)
    let file = try Data(contentsOf: url)
    for tensor in sample.tensors where tensor.slice.byteCount >= 16 {
      let bytes = tensor.slice.bytes.withUnsafeBytes { Data($0) }
      #expect(file.range(of: bytes) != nil, "\(tensor.path)")
    }
    #expect(file.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]))
  }

  @Test func equalContentsAreEqualFiles() throws {
    let other = try TemporaryFolder()
    #expect(try writeSample(5, in: folder) == writeSample(5, in: other))
    #expect(try Data(contentsOf: folder.checkpoint(5)) == Data(contentsOf: other.checkpoint(5)))
  }

  @Test(arguments: [1, 8, 9, 300, 1_100, 20_000]) func manyTensors(count: Int) throws {
    let shapes = (0..<count).map {
      (path: "parameters/layer.\($0).weight", dimensions: [3, $0 % 7 + 1], type: ElementType.float32)
    }
    let written = SampleTensors(seed: 1, shapes: shapes)
    let url = folder.checkpoint(2)
    try CheckpointFile.write(written.tensors, metadata: CheckpointMetadata(step: 2), to: url)
    let read = SampleTensors(seed: nil, shapes: shapes)
    _ = try CheckpointFile.read(at: url, into: read.tensors)
    #expect(read.bytes == written.bytes)
  }

  @Test func noTensors() throws {
    let url = folder.checkpoint(0)
    try CheckpointFile.write([], metadata: CheckpointMetadata(step: 0), to: url)
    #expect(try CheckpointFile.read(at: url, into: []) == CheckpointMetadata(step: 0))
  }

  @Test func differencesAreNamed() throws {
    let url = folder.checkpoint(9)
    try writeSample(9, in: folder)
    var shapes = SampleTensors.shapes
    shapes[0].dimensions = [24, 32]
    shapes[1].path = "parameters/renamed"
    shapes[7].type = .float32
    let read = SampleTensors(seed: nil, shapes: shapes)
    let error = try #require(
      failure { () throws(CheckpointError) in _ = try CheckpointFile.read(at: url, into: read.tensors) })
    #expect(error.description.contains("parameters/hidden.0.weight is [32, 24] in the file, [24, 32] here"))
    #expect(error.description.contains("parameters/renamed is missing in the file"))
    #expect(error.description.contains("state/counts is not float32 in the file"))
    #expect(error.description.hasSuffix("; and 1 more"))
    #expect(read.bytes.allSatisfy { $0 == 0 })
  }

  @Test func someTensorsOnly() throws {
    let url = folder.checkpoint(9)
    try writeSample(9, in: folder)
    let parameters = SampleTensors(seed: nil, shapes: Array(SampleTensors.shapes.prefix(2)))
    let error = failure { () throws(CheckpointError) in
      _ = try CheckpointFile.read(at: url, into: parameters.tensors)
    }
    #expect(error?.description.contains("is in the file only") == true)
    _ = try CheckpointFile.read(at: url, into: parameters.tensors, match: .subset)
    #expect(Array(parameters.bytes) == Array(SampleTensors(seed: 9).bytes.prefix(parameters.bytes.count)))
  }

  @Test func aGoodFileIsNotReplaced() throws {
    let first = try writeSample(4, in: folder)
    #expect(try writeSample(4, in: folder) == first)
    let other = SampleTensors(seed: 99)
    let error = failure { () throws(CheckpointError) in
      try CheckpointFile.write(other.tensors, metadata: sampleMetadata(step: 4), to: folder.checkpoint(4))
    }
    #expect(error?.description.contains("exists with other contents") == true)
    #expect(try CheckpointFile.verify(at: folder.checkpoint(4)).digest == first.digest)
    #expect(try folder.names() == ["step-00000004.h5", "step-00000004.h5.sha256"])
  }

  @Test func aDamagedFileIsMovedAside() throws {
    try Data("not a checkpoint".utf8).write(to: folder.checkpoint(4))
    let receipt = try writeSample(4, in: folder)
    #expect(try CheckpointFile.verify(at: folder.checkpoint(4)).digest == receipt.digest)
    #expect(try folder.names() == ["step-00000004.h5", "step-00000004.h5.damaged", "step-00000004.h5.sha256"])
  }

  @Test(arguments: ["", "/a", "a//b", "a/../b", "./a", "run/config", "a\0b", "parameters/hidden.0.bias", "parameters"])
  func impossibleNamesAreRefused(path: String) throws {
    let sample = SampleTensors(seed: 1)
    let tensors = sample.tensors + [CheckpointTensor(path: path, shape: .scalar, slice: sample.tensors[3].slice)]
    let error = try #require(
      failure { () throws(CheckpointError) in
        try CheckpointFile.write(tensors, metadata: CheckpointMetadata(step: 1), to: folder.checkpoint(1))
      })
    #expect(error.description.hasPrefix("checkpoint of step 1 not saved: "))
    #expect(try folder.names().isEmpty)
  }

  @Test func namesAndSteps() {
    #expect(CheckpointFile.name(step: 1_000) == "step-00001000.h5")
    #expect(CheckpointFile.step(ofName: "step-00001000.h5") == 1_000)
    #expect(CheckpointFile.step(ofName: CheckpointFile.name(step: 1_234_567_890)) == 1_234_567_890)
    for name in [
      "step-1000.h5", "step-000001000.h5", "step-+0001000.h5", "step--0001000.h5",
      "step-00001000.h5.0123456789abcdef.tmp", "x",
    ] {
      #expect(CheckpointFile.step(ofName: name) == nil)
    }
  }

  @Test func knownDigest() {
    #expect(Digest.sha256(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }
}
