import Metrics

/// The part of a trial's records that the page about a sweep shows.
struct TrialRecords: Sendable {
  let lastStep: Int?
  /// Nil before the first step.
  let flow: GradientFlow?
  /// The verdict on the first steps where it was bad and differs from `flow`: a run may be healthy in the end although
  /// its gradients vanished when it mattered.
  let startFlow: GradientFlow?
  let training: Curve
  let validation: Curve

  /// The logged norms that count as a trial's start.
  private static let firstRecords = 3

  /// - Parameter buckets: the number of stretches in thinned curves.
  init(_ log: RunLog, buckets: Int) {
    lastStep = log.steps.last?.step
    let flow = log.steps.isEmpty ? nil : log.gradientFlow
    self.flow = flow
    let start = GradientFlow.judge(tensors: log.header?.tensors ?? [], norms: log.norms.prefix(Self.firstRecords))
    let isBad = start.verdict == .exploding || start.verdict == .vanishing
    startFlow = isBad && start.verdict != flow?.verdict ? start : nil
    (training, validation) = log.lossCurves(buckets: buckets)
  }
}
