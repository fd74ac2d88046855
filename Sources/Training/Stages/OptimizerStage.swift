import Optimizers

/// Updates one lane's share of the parameters; it shares the lane's thread.
package actor OptimizerStage {
  private nonisolated let thread: StageThread
  private let lane: Int
  private let update: ParameterUpdate
  /// Nil unless gradients are clipped row by row.
  private let clipping: AdaptiveClipping?

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(thread: StageThread, lane: Int, model: RunModel) {
    self.thread = thread
    self.lane = lane
    update = model.update
    clipping = model.adaptiveClipping
  }

  func clipRows() {
    if let clipping { update.clipRows(lane: lane, clipping) }
  }

  func updateParameters() { update.run(lane: lane) }
}
