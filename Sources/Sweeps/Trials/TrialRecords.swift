import Metrics

/// What the page about a sweep shows of a trial's records.
struct TrialRecords: Sendable {
  let lastStep: Int?
  /// Nil before there is a step to judge.
  let flow: GradientFlow?
  /// The verdict on the first steps where it was bad and is another one now: what is healthy in the end may have been
  /// anything but that when it mattered.
  let startFlow: GradientFlow?
  let training: Curve
  let validation: Curve

  /// Logged norms that a trial's start is judged by.
  private static let firstRecords = 3

  /// - Parameter buckets: stretches that curves are thinned to.
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
