import Checkpoints
import Configuration
import Data
import Foundation
import Inference
import Kernels
import Metrics
import Models
import Runs
import Tensors
import Training

/// Plays training steps of a run one at a time on a thread of its own, and tells what each has computed.
///
/// The arithmetic is that of the stages with one lane, so the bits are those of the run. Evaluations are left out; where a
/// schedule waits for them, what the run recorded of them takes their place.
package actor StepPlayer {
  private nonisolated let thread: StageThread
  package nonisolated let model: RunModel
  private let calendar: RunCalendar
  private let readers: SampleReaders
  private let validations: [Int: ValidationRecord]
  private var slot: MicroBatch
  private var programs: LanePrograms?
  package private(set) var state: RunState
  private var gradients: [TensorStatistics]

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// - Parameters:
  ///   - model: laid out for one lane, with everything in it as it is after `state.step` steps.
  ///   - validations: of the run, by step.
  package init(_ model: RunModel, state: RunState, validations: [Int: ValidationRecord] = [:]) {
    precondition(model.tree.lanes == 1)
    thread = StageThread("player", prepare: LaneThread.prepare)
    self.model = model
    self.state = state
    self.validations = validations
    calendar = RunCalendar(model, build: BuildInfo.text)
    readers = SampleReaders(model.data)
    slot = MicroBatch(fields: model.data.fields, rows: model.plan.rows)
    gradients = [TensorStatistics](repeating: TensorStatistics(), count: model.table.entries.count)
  }

  /// Ends the player's thread; nothing may be asked of it afterwards.
  package nonisolated func finish() { thread.finish() }

  /// What lies there before the next step.
  package func start() -> StepTrace {
    var trace = StepTrace()
    noteState(in: &trace, .start)
    return trace
  }

  /// Plays one step.
  package func play() -> StepTrace {
    let programs = programs ?? LanePrograms(model, lane: 0)
    self.programs = programs
    guard let program = programs.training else { preconditionFailure("a model that only evaluates") }
    var trace = StepTrace()
    model.preparation.run(.training, programs, lane: 0)
    let batch = BatchPlace(model.data, cursor: state.cursor, batchSize: model.batchSize)
    for index in 0..<model.tree.microBatches { playPart(index, of: batch, program, &trace) }
    var loss = LossSums()
    for index in 0..<model.losses.count { loss.merge(model.losses[index]) }
    trace.loss = loss.mean
    trace.note(.loss, "loss", "loss", loss.mean.bitPattern)
    update(&trace)
    noteState(in: &trace, .update)
    return trace
  }

  private func playPart(_ index: Int, of batch: BatchPlace, _ program: LaneProgram, _ trace: inout StepTrace) {
    slot.read(index, of: batch, with: readers)
    for (field, slice) in zip(model.data.fields, slot.fields) {
      trace.note(.data, field.name, field.name, microBatch: index, slice)
    }
    model.bind(program, to: slot, step: state.step)
    let steps = program.plan.steps
    model.losses[index] = program.forward { step in
      for slice in program.outcome(of: step, backward: false) where slice.count > 0 {
        trace.note(.forward, steps[step].name, "output", microBatch: index, slice)
      }
    }
    let turn = model.turns[0][index]
    let isLast = index == model.tree.microBatches - 1
    program.bind(gradients: model.reduction.laneArenas[0][turn.buffer])
    program.backward { step in
      for (input, slice) in program.outcome(of: step, backward: true).enumerated() {
        let name = input == 0 ? "gradient of its input" : "gradient of its input \(input)"
        trace.note(.backward, steps[step].name, name, microBatch: index, slice)
      }
      model.reduction.finished(step: step, lane: 0, turn: turn, isLastTurn: isLast)
    }
  }

  /// What the optimizer stage does with the gradients of a batch.
  private func update(_ trace: inout StepTrace) {
    model.reduction.collect(into: &gradients)
    // Backwards is the order in which they were computed.
    for entry in model.table.entries.reversed() {
      trace.note(.gradient, entry.layer, entry.name, model.table.slice(entry, in: model.reduction.arenas[0]))
    }
    if let tensor = gradients.firstIndex(where: { $0.nonfinite > 0 }) {
      trace.nonfinite = "the gradient of \(model.table.entries[tensor].name)"
    } else if !trace.loss.isFinite {
      trace.nonfinite = "the loss"
    }
    if trace.nonfinite == nil {
      if let clipping = model.adaptiveClipping { model.update.clipRows(lane: 0, clipping) }
      model.foldBatchStatistics(step: state.step)
      let norm = gradients.reduce(0) { $0 + $1.sumOfSquares }.squareRoot()
      _ = model.layDownUpdate(state, learningRate: model.learningRate(state, calendar), gradients, norm: norm)
      model.update.run(lane: 0)
    } else {
      for arena in model.carried { arena.all(as: .float32).zero() }
      state.skippedUpdates += 1
    }
    state.step += 1
    state.cursor += 1
    if let record = validations[state.step] {
      state.plateau?.observe(loss: Double(record.loss), accuracy: record.accuracy.map { Double($0) } ?? .nan)
    }
  }

  private func noteState(in trace: inout StepTrace, _ pass: StepTrace.Pass) {
    for tensor in model.checkpointTensors {
      let name = tensor.path.split(separator: "/").dropFirst().joined(separator: "/")
      let group = tensor.path.split(separator: "/").first.map(String.init) ?? ""
      let isParameter = group == "parameters"
      trace.note(pass, name.layerName, isParameter ? name : tensor.path, tensor.slice)
    }
  }
}

extension ParameterTable.Entry {
  /// The layer that a parameter's name begins with.
  fileprivate var layer: String { name.layerName }
}

extension String {
  /// A tensor's name without its last part: `hidden.0` of `hidden.0.weight`, also behind `optimizer/exp_avg/`.
  package var layerName: String {
    let tensor = split(separator: "/").last ?? self[...]
    return tensor.split(separator: ".").dropLast().joined(separator: ".")
  }
}
