import Data
import Inference
import Kernels
import Metrics
import Tensors

extension SequenceProbe {
  /// The validation loss in windows of `factor` training lengths.
  ///
  /// A long window is `factor` consecutive windows of the split, so every length predicts the same tokens once. The
  /// last window is not counted beyond the end of the split.
  package func loss(factor: Int) throws -> ProbeRecord.LengthLoss {
    try requireWindows()
    let length = settings.trainingLength * factor
    if let places = settings.places, length > places { return .init(factor: factor, places: places) }
    let microBatch = data.settings.batchSize / (run.configuration.training.microBatches ?? 1)
    let model = try SequenceModel(
      run, data, length: length, rows: max(1, microBatch / factor), precision: run.answeringPrecision)
    let longWindows = (windows.count + factor - 1) / factor
    let batches = (longWindows + model.rows - 1) / model.rows
    // Sums over the first training length of each window, and over the rest.
    let within = SharedArray(repeating: LossSums(), count: batches)
    let beyond = SharedArray(repeating: LossSums(), count: batches)
    let threads = min(lanes, batches)
    LaneThread.run(threads) { lane in
      let reader = LongWindowReader(self, model, factor: factor)
      for batch in stride(from: lane, to: batches, by: threads) {
        within[batch] = reader.forward(batch, on: .within)
        if factor > 1 { beyond[batch] = reader.forward(batch, on: .beyond) }
      }
    }
    var (near, far) = (LossSums(), LossSums())
    for batch in 0..<batches {
      near.merge(within[batch])
      far.merge(beyond[batch])
    }
    var all = near
    all.merge(far)
    return .init(
      factor: factor, tokens: Int(all.count), loss: all.mean, lossBeyond: far.weight > 0 ? far.mean : nil)
  }
}

/// Runs batches of long windows on one thread.
private final class LongWindowReader {
  enum Part { case within, beyond }

  private let data: Dataset
  private let windows: SampleSet
  private let model: SequenceModel
  private let factor: Int
  private let runner: SequenceRunner
  private let reader: SampleReader
  private let inputField: Int
  private let targetField: Int

  init(_ probe: SequenceProbe, _ model: SequenceModel, factor: Int) {
    data = probe.data
    windows = probe.windows
    self.model = model
    self.factor = factor
    runner = SequenceRunner(model)
    reader = SampleReader(data)
    inputField = data.fields.firstIndex { $0.name == SampleField.input } ?? 0
    targetField = data.fields.firstIndex { $0.name == SampleField.target } ?? 0
  }

  /// The loss of a batch in the first training length of each window, or beyond it.
  func forward(_ batch: Int, on part: Part) -> LossSums {
    let piece = model.length / factor
    for place in 0..<model.rows * factor {
      let window = batch * model.rows * factor + place
      let range = place * piece..<(place + 1) * piece
      let (input, target) = (runner.input.slice(range), runner.target.slice(range))
      if window < windows.count { reader.read(windows[window], .evaluation, field: inputField, into: input) }
      if window < windows.count, (place % factor == 0) == (part == .within) {
        reader.read(windows[window], .evaluation, field: targetField, into: target)
      } else {
        Self.clear(target)
      }
    }
    return runner.program.forward()
  }

  /// Marks all targets as padding.
  private static func clear(_ targets: TensorSlice) {
    var values = targets.mutableIntegers
    for index in values.indices { values[index] = -1 }
  }
}
