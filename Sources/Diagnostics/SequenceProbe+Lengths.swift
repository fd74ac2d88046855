import Data
import Dispatch
import Foundation
import Inference
import Kernels
import Metrics
import Tensors

extension SequenceProbe {
  /// The validation loss in windows of `factor` training lengths.
  ///
  /// A long window is so many windows of the split one after another, so every length predicts the same tokens, each once;
  /// where the split ends within a window, the rest counts for nothing.
  package func loss(factor: Int) throws -> ProbeRecord.LengthLoss {
    try requireWindows()
    let length = settings.trainingLength * factor
    if let places = settings.places, length > places { return .init(factor: factor, places: places) }
    let precision = OneDNN.supportsBFloat16 ? run.configuration.training.precision : .float32
    let microBatch = data.settings.batchSize / (run.configuration.training.microBatches ?? 1)
    let model = try SequenceModel(
      run, data, length: length, rows: max(1, microBatch / factor), precision: precision)
    let longWindows = (windows.count + factor - 1) / factor
    let batches = (longWindows + model.rows - 1) / model.rows
    // Of the first training length of each window, and of what is behind it.
    let within = SharedArray(repeating: LossSums(), count: batches)
    let beyond = SharedArray(repeating: LossSums(), count: batches)
    let threads = min(lanes, batches)
    let done = DispatchSemaphore(value: 0)
    for lane in 0..<threads {
      let thread = Thread {
        LaneThread.prepare()
        let reader = LongWindowReader(self, model, factor: factor)
        for batch in stride(from: lane, to: batches, by: threads) {
          within[batch] = reader.forward(batch, on: .within)
          if factor > 1 { beyond[batch] = reader.forward(batch, on: .beyond) }
        }
        done.signal()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    for _ in 0..<threads { done.wait() }
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

/// Plays batches of long windows on one thread.
private final class LongWindowReader {
  enum Part { case within, beyond }

  private let data: Dataset
  private let windows: SampleSet
  private let model: SequenceModel
  private let factor: Int
  private let player: SequencePlayer
  private let reader: SampleReader
  private let inputField: Int
  private let targetField: Int

  init(_ probe: SequenceProbe, _ model: SequenceModel, factor: Int) {
    data = probe.data
    windows = probe.windows
    self.model = model
    self.factor = factor
    player = SequencePlayer(model)
    reader = SampleReader(data)
    inputField = data.fields.firstIndex { $0.name == SampleField.input } ?? 0
    targetField = data.fields.firstIndex { $0.name == SampleField.target } ?? 0
  }

  /// What is lost at the tokens of a batch in the first training length of each window, or behind it.
  func forward(_ batch: Int, on part: Part) -> LossSums {
    let piece = model.length / factor
    for place in 0..<model.rows * factor {
      let window = batch * model.rows * factor + place
      let range = place * piece..<(place + 1) * piece
      let (input, target) = (player.input.slice(range), player.target.slice(range))
      if window < windows.count { reader.read(windows[window], .evaluation, field: inputField, into: input) }
      if window < windows.count, (place % factor == 0) == (part == .within) {
        reader.read(windows[window], .evaluation, field: targetField, into: target)
      } else {
        Self.clear(target)
      }
    }
    return player.program.forward()
  }

  /// Leaves nothing to predict.
  private static func clear(_ targets: TensorSlice) {
    var values = targets.mutableIntegers
    for index in values.indices { values[index] = -1 }
  }
}
