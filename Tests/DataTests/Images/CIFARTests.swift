import Data
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct CIFARTests {
  let scratch: TemporaryFolder
  init() throws { scratch = try TemporaryFolder() }

  /// A record whose pixel p has the levels p, p + 1 and p + 2, all modulo 251.
  private func record(_ labels: [UInt8]) -> [UInt8] {
    labels + (0..<3).flatMap { channel in (0..<1024).map { UInt8(($0 + channel) % 251) } }
  }

  private func open(_ labels: CIFARData.Labels? = nil) throws -> OpenedSamples {
    var data = CIFARData(path: scratch.path)
    data.labels = labels
    return try data.open(seed: 0)
  }

  private func writeTen() throws {
    for batch in 1...5 {
      try scratch.write(record([UInt8(batch)]) + record([UInt8(batch + 4)]), "data_batch_\(batch).bin")
    }
  }

  @Test func readsCIFAR10() throws {
    try writeTen()
    #expect(try open().test == nil)
    try scratch.write(record([0]), "test_batch.bin")
    try scratch.write("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n", "batches.meta.txt")
    let opened = try open()
    let source = opened.samples
    #expect(source.count == 10 && opened.test?.count == 1)
    #expect(source.fields[0].shape == TensorShape([32, 32, 3]))
    #expect(source.fields[1].classNames[9] == "truck")
    #expect((0..<10).map { source.values($0, 1)[0] } == [1, 5, 2, 6, 3, 7, 4, 8, 5, 9])
    let levels = source.values(3, 0).map { ($0 * 255).rounded() }
    #expect(Array(levels[0..<6]) == [0, 1, 2, 1, 2, 3])
    #expect(Array(levels.suffix(3)) == [19, 20, 21])
    let summary = try DatasetSummary.inspect(scratch.path)
    #expect(summary.kind == "cifar" && summary.classes.count == 10)
    expectRefusal("data.labels", "CIFAR-100") { _ = try open(.coarse) }
  }

  @Test func readsBothLabelsOfCIFAR100() throws {
    try scratch.write(record([19, 99]) + record([3, 0]), "train.bin")
    try scratch.write(record([1, 2]), "test.bin")
    let fine = try open()
    #expect((0..<2).map { fine.samples.values($0, 1)[0] } == [99, 0])
    #expect(fine.samples.fields[1].classCount == 100 && fine.samples.fields[1].classNames.isEmpty)
    let coarse = try open(.coarse)
    #expect((0..<2).map { coarse.samples.values($0, 1)[0] } == [19, 3])
    #expect(coarse.test?.values(0, 1) == [1] && coarse.samples.fields[1].classCount == 20)
    #expect(fine.samples.values(1, 0).prefix(3).map { ($0 * 255).rounded() } == [0, 1, 2])
    try scratch.write("one\ntwo\n", "fine_label_names.txt")
    expectRefusal("fine_label_names.txt", "100 names", "found 2") { _ = try open() }
    #expect(try open(.coarse).samples.count == 2)
  }

  @Test func refusesWhatIsNotWhole() throws {
    expectRefusal("neither") { _ = try open() }
    try writeTen()
    try FileManager.default.removeItem(atPath: scratch.path("data_batch_3.bin"))
    expectRefusal("no data_batch_3.bin") { _ = try open() }
    try scratch.write(Array(record([1]).dropLast()), "data_batch_3.bin")
    expectRefusal("data_batch_3.bin", "3073", "3072 bytes") { _ = try open() }
    try scratch.write([], "data_batch_3.bin")
    expectRefusal("data_batch_3.bin", "0 bytes") { _ = try open() }
    try scratch.write(record([1]) + record([10]), "data_batch_3.bin")
    expectRefusal("data_batch_3.bin", "byte 3073 (record 1)", "below 10") { _ = try open() }
    try scratch.write(record([1, 1]), "train.bin")
    expectRefusal("both") { _ = try open() }
  }
}
