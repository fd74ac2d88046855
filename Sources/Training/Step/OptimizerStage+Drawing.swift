/// What the model draws while it learns.
extension OptimizerStage {
  func drawSaveOrGoOn() async -> Work {
    // A run that leaves nothing on the disk has nowhere to draw to.
    if calendar.drawsSamples(after: state.step), drawnStep != state.step, writer != nil,
      stopRequest.signal(after: state.step) == nil, let work = beginDrawing()
    {
      return work
    }
    return await saveOrGoOn()
  }

  private func beginDrawing() -> Work? {
    guard let plan = model.plan.samples else { return nil }
    let usesAverage = model.update.average != nil
    if usesAverage { model.update.average?.refreshBF16Weights() }
    let drawing = SampleDrawing(plan, of: model, step: state.step, usesAverage: usesAverage)
    let program = Preparation.Program.evaluation(usesAverage: usesAverage)
    guard model.preparation.isNeeded(by: program) else { return play(drawing) }
    phase = .preparingDrawing(drawing)
    return .prepare(program)
  }

  func play(_ drawing: SampleDrawing) -> Work {
    phase = .drawing(drawing)
    return .draw(drawing)
  }

  func record(_ drawing: SampleDrawing) {
    drawnStep = state.step
    recorder.items.send(.samples(drawing), urgently: true)
  }
}
