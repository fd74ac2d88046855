import Checkpoints
import Data
import Foundation
import Models
import Optimizers
import Runs
import Tensors

/// The cost of a run in memory, disk space and arithmetic, known before it starts.
package struct RunEstimate: Sendable {
  package struct Item: Sendable {
    package let name: String
    package let bytes: Int
  }

  /// The memory used in training.
  package let memory: [Item]
  /// Bytes of one checkpoint file without its headers.
  package let checkpointBytes: Int
  /// The most bytes of checkpoints on the disk at one time.
  package let diskBytes: Int
  /// Multiplications and additions of one step's products, forward and backward.
  package let flopsPerStep: Double

  /// Code, libraries, stacks and oneDNN's generated kernels, as measured on runs of several sizes.
  private static let programBytes = 40 << 20

  package var memoryBytes: Int { memory.reduce(0) { $0 + $1.bytes } }

  /// - Parameter writesCheckpoints: false for a run without a folder.
  package init(_ plan: RunPlan, writesCheckpoints: Bool = true) {
    let parameters = plan.table.byteCount
    let tree = plan.tree
    let lanes = tree.lanes
    let stateNames = plan.configuration.optimizer.stateNames
    let hasAverage = plan.configuration.training.average.isEnabled
    let isMixed = plan.configuration.training.precision == .bfloat16
    let gradientBuffers = tree.bufferCount
    let activations = max(plan.trainingPlan.activationByteCount, plan.evaluationPlan.activationByteCount)
    let fields = plan.data.fields
    let batchBuffers = (0..<lanes).reduce(lanes) { $0 + DataLoader.bufferCount(tree, lane: $1) }
    let trainingState = plan.trainingPlan.sequenceStateByteCount * tree.microBatches
    let stored =
      parameters * (1 + stateNames.count + (hasAverage ? 1 : 0))
      + plan.table.bufferByteCount * (hasAverage ? 2 : 1) + trainingState
    var memory = [
      Item(name: "program and libraries", bytes: Self.programBytes),
      Item(name: "parameters", bytes: parameters),
      Item(name: "gradients (\(gradientBuffers) buffers)", bytes: parameters * gradientBuffers),
      Item(name: "activations (\(lanes) lanes)", bytes: activations * lanes),
      Item(
        name: "batches (\(batchBuffers) buffers)",
        bytes: batchBuffers * MicroBatch.byteCount(fields: fields, rows: plan.rows)),
      Item(name: "data set", bytes: plan.data.residentBytes),
    ]
    let readers = (lanes + 1) * SampleReader.byteCount(plan.data)
    if readers > 0 { memory.append(Item(name: "augmentation", bytes: readers)) }
    memory += stateNames.map { Item(name: "optimizer \($0)", bytes: parameters) }
    if isMixed {
      memory.append(Item(name: "bfloat16 weights", bytes: plan.table.bf16WeightsByteCount * (hasAverage ? 2 : 1)))
    }
    let prepared = plan.trainingPlan.preparedByteCount + plan.evaluationPlan.preparedByteCount
    if prepared > 0 { memory.append(Item(name: "packed weights", bytes: prepared)) }
    let scratch = max(
      plan.trainingPlan.convolutionScratchByteCount, plan.evaluationPlan.convolutionScratchByteCount)
    if scratch > 0 { memory.append(Item(name: "convolutions (\(lanes) lanes)", bytes: scratch * lanes)) }
    if hasAverage { memory.append(Item(name: "moving average", bytes: parameters + plan.table.bufferByteCount)) }
    if plan.table.bufferByteCount > 0 {
      memory.append(
        Item(name: "running statistics", bytes: plan.table.bufferByteCount * (1 + tree.microBatches)))
    }
    let sequenceStateBytes = trainingState + plan.evaluationPlan.sequenceStateByteCount * lanes
    if sequenceStateBytes > 0 { memory.append(Item(name: "recurrent state", bytes: sequenceStateBytes)) }
    if let samples = plan.samples { memory.append(Item(name: "drawn samples", bytes: samples.byteCount(plan))) }
    if writesCheckpoints { memory.append(Item(name: "checkpoint snapshot", bytes: stored)) }
    self.memory = memory
    checkpointBytes = stored
    let settings = plan.configuration.checkpoints
    // One more than is kept: the new one is complete before an old one goes.
    diskBytes = stored * (settings.keepLast + settings.keepBest + 1) + CheckpointFile.spareSpace
    flopsPerStep = Double(plan.trainingPlan.flops) * Double(tree.microBatches)
  }

  /// Refuses a run that does not fit this machine's memory or disk.
  package func check(folder: URL) throws(RunError) {
    try checkMemory()
    if let free = Self.freeSpace(at: folder), diskBytes > free {
      throw RunError(
        "\(folder.path): the run's checkpoints need \(Self.text(diskBytes)), but \(Self.text(free)) are free; keep "
          + "fewer (checkpoints.keep_last, keep_best) or choose another --run-dir")
    }
  }

  /// Refuses a run that needs more memory than this machine has.
  package func checkMemory() throws(RunError) {
    if let available = SystemMemory.availableByteCount, memoryBytes > available {
      throw RunError(
        .configuration,
        "the run needs \(Self.text(memoryBytes)) of memory, but \(Self.text(available)) are available; make the model "
          + "smaller, or lower data.batch_size or the number of lanes (troupe describe shows what takes how much)")
    }
  }

  /// Free bytes of the disk that `folder`, or its nearest parent that exists, is on.
  private static func freeSpace(at folder: URL) -> Int? {
    var place = folder.standardizedFileURL
    while !FileManager.default.fileExists(atPath: place.path), place.path != "/" { place.deleteLastPathComponent() }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place.path)
    return (attributes?[.systemFreeSize] as? NSNumber)?.intValue
  }

  /// Such as `13.4 MiB`.
  package static func text(_ bytes: Int) -> String {
    var value = Double(bytes)
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1024 { return unit == "B" ? "\(bytes) B" : String(format: "%.1f %@", value, unit) }
      value /= 1024
    }
    return String(format: "%.1f TiB", value)
  }
}
