import Data
import Inference
import Kernels
import Metrics
import Models
import Runs
import Tensors

/// Runs training steps one at a time, on one lane, and traces what each computes.
///
/// It uses the stages and the step of a training run, so the bits are those of the run. It skips evaluations; a
/// schedule that waits for them gets the recorded ones.
package actor StepPlayer {
  package nonisolated let model: RunModel
  private nonisolated let laneThread = StageThread("lane 0", prepare: LaneThread.prepare)
  private nonisolated let loaderThread = StageThread("loader")
  private nonisolated let lanes = LaneGroup(count: 1)
  private nonisolated let loader: DataLoader
  private let coordinator: Coordinator
  private let observer: TraceObserver
  private let tasks: [Task<Void, Never>]
  private let validations: [Int: ValidationRecord]

  /// - Parameters:
  ///   - model: planned for one lane, with its state after `state.step` steps.
  ///   - validations: the run's records by step.
  package init(_ model: RunModel, state: RunState, validations: [Int: ValidationRecord] = [:]) {
    precondition(model.tree.lanes == 1)
    self.model = model
    self.validations = validations
    let observer = TraceObserver(model)
    self.observer = observer
    let loader = DataLoader(
      thread: loaderThread, data: model.data, tree: model.tree, rows: model.plan.rows, cursor: state.cursor,
      clock: StageClock("loader"))
    self.loader = loader
    coordinator = Coordinator(
      thread: laneThread, model: model, lanes: lanes, start: .init(state: state, isResumed: false),
      clock: StageClock("coordinator"), observer: observer)
    let lane = ForwardStage(
      lane: 0, thread: laneThread, model: model, lanes: lanes, loader: loader, clock: StageClock("lane 0"),
      observer: observer)
    tasks = [
      Task(executorPreference: loaderThread) { await loader.run() },
      Task(executorPreference: laneThread) { await lane.run() },
    ]
  }

  /// Ends the player's threads; it cannot be used afterwards.
  package func finish() async {
    await lanes.assemble()
    lanes.dismiss()
    loader.stop()
    // A thread must outlive the stages on it: executors are not retained.
    for task in tasks { await task.value }
    laneThread.finish()
    loaderThread.finish()
  }

  /// The state before the next step.
  package func start() -> StepTrace {
    var trace = StepTrace()
    noteState(in: &trace, .start)
    return trace
  }

  /// Runs one step.
  ///
  /// - Throws: `RunError` if samples cannot be read.
  package func runStep() async throws -> StepTrace {
    await lanes.assemble()
    do throws(RunEnd) {
      // A step that is not finite has no update; the trace says so.
      _ = try await coordinator.step(onNonfinite: .skip(limit: .max))
    } catch {
      throw RunError(error.outcome.failure ?? "the run ended")
    }
    let measurements = await coordinator.measurements
    var trace = observer.take()
    trace.loss = measurements.loss
    trace.note(.loss, "loss", "loss", measurements.loss.bitPattern)
    if let tensor = measurements.nonfiniteTensor {
      trace.nonfinite = "the gradient of \(model.table.entries[tensor].name)"
    } else if !measurements.loss.isFinite {
      trace.nonfinite = "the loss"
    }
    await coordinator.observePlateau(validations)
    noteState(in: &trace, .update)
    return trace
  }

  private func noteState(in trace: inout StepTrace, _ pass: StepTrace.Pass) {
    for tensor in model.checkpointTensors {
      let name = tensor.path.split(separator: "/").dropFirst().joined(separator: "/")
      let isParameter = tensor.path.hasPrefix("parameters/")
      trace.note(pass, name.layerName, isParameter ? name : tensor.path, tensor.slice)
    }
  }
}

extension Coordinator {
  /// Passes the recorded evaluation of this step, if there is one, to the schedule.
  fileprivate func observePlateau(_ validations: [Int: ValidationRecord]) {
    guard let record = validations[state.step] else { return }
    state.plateau?.observe(loss: Double(record.loss), accuracy: record.accuracy.map { Double($0) } ?? .nan)
  }
}

extension String {
  /// A tensor's name without its last part: `hidden.0` of `hidden.0.weight`, also after `optimizer/exp_avg/`.
  package var layerName: String {
    let tensor = split(separator: "/").last ?? self[...]
    return tensor.split(separator: ".").dropLast().joined(separator: ".")
  }
}
