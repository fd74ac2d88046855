import Checkpoints
import Foundation
import Tensors
import Testing

/// `TROUPE_CHECKPOINT_BENCHMARK=<folder> swift test -c release --filter ThroughputTests` writes to the disk of that
/// folder.
@Suite(.serialized) struct ThroughputTests {
  static let folder = ProcessInfo.processInfo.environment["TROUPE_CHECKPOINT_BENCHMARK"]

  @Test(.enabled(if: ThroughputTests.folder != nil), arguments: [13, 160])
  func wholeProtocol(megabytes: Int) throws {
    let folder = URL(fileURLWithPath: try #require(Self.folder)).appendingPathComponent("benchmark-\(megabytes)")
    try? FileManager.default.removeItem(at: folder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // A model of 50 layers with two optimizer states.
    let side = Int(Double(megabytes * 1_000_000 / 150 / 4).squareRoot())
    let shapes = ["parameters", "optimizer/m", "optimizer/v"].flatMap { kind in
      (0..<50).flatMap { layer in
        [
          (path: "\(kind)/hidden.\(layer).weight", dimensions: [side, side], type: ElementType.float32),
          (path: "\(kind)/hidden.\(layer).bias", dimensions: [side], type: ElementType.float32),
        ]
      }
    }
    let sample = SampleTensors(seed: 1, shapes: shapes)
    let clock = ContinuousClock()
    for step in 1...5 {
      let url = folder.appendingPathComponent(CheckpointFile.name(step: step))
      var bytes = 0
      let writing = try clock.measure {
        bytes = try CheckpointFile.write(sample.tensors, metadata: sampleMetadata(step: step), to: url).byteCount
      }
      let verifying = try clock.measure { _ = try CheckpointFile.verify(at: url) }
      let reading = try clock.measure { _ = try CheckpointFile.read(at: url, into: sample.tensors) }
      func rate(_ duration: Duration) -> String {
        "\(duration) = \(Int(Double(bytes) / (duration / .seconds(1)) / 1e6)) MB/s"
      }
      print("\(bytes) bytes: write \(rate(writing)), verify \(rate(verifying)), read \(rate(reading))")
    }
  }
}
