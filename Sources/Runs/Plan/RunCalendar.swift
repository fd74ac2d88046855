import Checkpoints
import Configuration
import Data
import Kernels
import Optimizers

/// The steps at which a run evaluates, saves, logs and draws: a pure function of the configuration.
package struct RunCalendar: Sendable {
  package let totalSteps: Int
  private let stepsPerEpoch: Int
  private let schedule: any Schedule
  private let evaluateEvery: Int
  private let saveEvery: Int
  private let keepEvery: Int?
  private let keepLast: Int
  private let normsEvery: Int
  private let activationsEvery: Int
  private let histogramsEvery: Int?
  private let samplesEvery: Int?
  private let build: String
  /// The long text of the tokenizer, made once.
  private let tokenizer: String?

  package init(_ plan: RunPlan, build: String) {
    let configuration = plan.configuration
    let perEpoch = plan.stepsPerEpoch
    totalSteps = plan.totalSteps
    stepsPerEpoch = perEpoch
    schedule = configuration.schedule
    evaluateEvery = configuration.training.validateEvery.steps(perEpoch: perEpoch)
    saveEvery = configuration.checkpoints.every.steps(perEpoch: perEpoch)
    keepEvery = configuration.checkpoints.keepEvery?.steps(perEpoch: perEpoch)
    keepLast = configuration.checkpoints.keepLast
    normsEvery = configuration.norms.every.steps(perEpoch: perEpoch)
    activationsEvery = configuration.norms.activationsEvery.steps(perEpoch: perEpoch)
    histogramsEvery = configuration.norms.histogramsEvery?.steps(perEpoch: perEpoch)
    samplesEvery = configuration.samples?.every.steps(perEpoch: perEpoch)
    self.build = build
    tokenizer = plan.data.tokenizer?.text
  }

  package func rateFactor(step: Int) -> Double {
    schedule.factor(step: step, horizon: ScheduleHorizon(totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch))
  }

  /// `step` counts completed steps, here and below. The last step is always evaluated, before it is saved.
  package func evaluates(after step: Int) -> Bool { step % evaluateEvery == 0 || step == totalSteps }
  package func saves(after step: Int) -> Bool { step % saveEvery == 0 }
  package func logsNorms(after step: Int) -> Bool { step % normsEvery == 0 || step == 1 }
  package func watchesActivations(after step: Int) -> Bool { step % activationsEvery == 0 || step == 1 }

  package func drawsHistograms(after step: Int) -> Bool { histogramsEvery.map { step % $0 == 0 } ?? false }

  /// A run that draws samples also draws them after its last step.
  package func drawsSamples(after step: Int) -> Bool {
    samplesEvery.map { step % $0 == 0 || step == totalSteps } ?? false
  }

  package func pools(_ state: RunState) -> CheckpointPools {
    CheckpointPools(last: keepLast, best: state.best.map(\.step), every: keepEvery)
  }

  /// The metadata of a checkpoint of this state.
  package func metadata(_ state: RunState, _ plan: RunPlan) -> CheckpointMetadata {
    CheckpointMetadata(state, plan.configuration, plan.data, build: build, tokenizer: tokenizer)
  }
}

extension RunState {
  /// Takes an evaluation into account for early stopping and for schedules that wait for a plateau.
  package mutating func observe(validation: LossSums, configuration: RunConfiguration) {
    noteLoss(validation.mean, improvement: configuration.training.earlyStopping.minimumImprovement)
    plateau?.observe(loss: validation.mean, accuracy: validation.accuracy)
  }

  mutating func noteLoss(_ loss: Double, improvement: Double) {
    if loss < (lowestLoss ?? .infinity) - improvement {
      lowestLoss = loss
      evaluationsSinceLowest = 0
    } else {
      evaluationsSinceLowest += 1
    }
  }

  /// - Parameter evaluations: further evaluations without a lower loss.
  package func hasRunOutOfPatience(_ settings: EarlyStoppingSettings, afterEvaluations evaluations: Int = 0) -> Bool {
    settings.patience.map { evaluationsSinceLowest + evaluations >= $0 } ?? false
  }

  /// Adds this step's checkpoint to the best ones, if it is one of them.
  package mutating func noteCheckpoint(validation: LossSums, _ settings: CheckpointSettings) {
    let value = settings.monitor == .loss ? validation.mean : validation.accuracy
    noteCheckpoint(ofStep: step, value: value, settings)
  }

  mutating func noteCheckpoint(ofStep step: Int, value: Double, _ settings: CheckpointSettings) {
    guard value.isFinite else { return }
    best.removeAll { $0.step == step }
    best.append(BestCheckpoint(step: step, value: value))
    best.sort { settings.monitor.isBetter($0.value, than: $1.value) || ($0.value == $1.value && $0.step < $1.step) }
    best = Array(best.prefix(settings.keepBest))
  }
}
