import Data
import Models
import Runs
import Synchronization
import Tensors

/// Notes a fingerprint of each result of a step.
final class TraceObserver: StepObserver {
  private let model: RunModel
  private let trace = Mutex(StepTrace())

  init(_ model: RunModel) { self.model = model }

  /// The trace since the last call.
  func take() -> StepTrace {
    trace.withLock { trace in
      defer { trace = StepTrace() }
      return trace
    }
  }

  func received(_ fields: [TensorSlice], microBatch: Int) {
    for (field, slice) in zip(model.data.fields, fields) {
      trace.withLock { $0.note(.data, field.name, field.name, microBatch: microBatch, slice) }
    }
  }

  func ranForward(_ layer: Int, _ tape: borrowing Tape) {
    let microBatch = tape.microBatch.index
    let name = tape.program.plan.steps[layer].name
    for slice in tape.program.outcome(of: layer, backward: false) where slice.count > 0 {
      trace.withLock { $0.note(.forward, name, "output", microBatch: microBatch, slice) }
    }
  }

  func ranBackward(_ layer: Int, _ tape: borrowing Tape) {
    let microBatch = tape.microBatch.index
    let name = tape.program.plan.steps[layer].name
    for (input, slice) in tape.program.outcome(of: layer, backward: true).enumerated() {
      let tensor = input == 0 ? "gradient of its input" : "gradient of its input \(input)"
      trace.withLock { $0.note(.backward, name, tensor, microBatch: microBatch, slice) }
    }
  }

  func summedGradients(_ model: RunModel) {
    trace.withLock { trace in
      // Backward is the order in which they were computed.
      for entry in model.table.entries.reversed() {
        let gradient = model.table.slice(entry, in: model.reduction.arenas[0])
        trace.note(.gradient, entry.name.layerName, entry.name, gradient)
      }
    }
  }
}
