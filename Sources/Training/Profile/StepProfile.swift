import Models
import Runs
import Synchronization
import Tensors

/// The time spans of every lane and stage in a few steps, in memory allocated beforehand.
package final class StepProfile: Sendable {
  /// Steps before the window, which warm up caches, core clocks and the loader's batch buffers.
  private static let warmUp = 5
  /// Steps of the window.
  private static let length = 20
  /// Spans of a step besides those of layers: waits, preparation, update, snapshot, evaluation.
  private static let otherSpans = 256

  let window: ProfileWindow
  package let lanes: [ProfileTrack]
  /// The stages besides the lanes, by the names of their clocks.
  let stages: [ProfileTrack]

  /// - Parameter step: the step after which the run starts.
  package init(_ plan: RunPlan, from step: Int) {
    let rest = max(0, plan.totalSteps - step)
    let first = step + min(Self.warmUp, rest / 4)
    let window = ProfileWindow(first..<first + min(Self.length, max(1, rest - rest / 4)))
    self.window = window
    let steps = plan.trainingPlan.steps.count
    lanes = (0..<plan.tree.lanes).map { lane in
      // A layer's forward and backward pass and the sum of its gradients, for each of the lane's micro-batches.
      let layers = plan.tree.range(of: lane).count * steps * 3
      return ProfileTrack("lane \(lane)", window, capacity: window.steps.count * (layers + Self.otherSpans))
    }
    stages = StageClocks.stageNames.map {
      ProfileTrack($0, window, capacity: window.steps.count * Self.otherSpans)
    }
  }
}

/// A task of a lane or a stage, with its begin and end.
package struct ProfileSpan: Sendable, BitwiseCopyable {
  package enum Kind: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case forward, backward, reduction, preparation, clipping, update, evaluation, snapshot, waiting, working
  }

  package var kind = Kind.working
  /// The layer's number in the plan; -1 for other tasks.
  package var layer: Int32 = -1
  package var microBatch: Int32 = -1
  /// The first step is 1, as in records.
  package var step: Int32 = 0
  /// Nanoseconds of the monotonic clock.
  package var start: UInt64 = 0
  package var end: UInt64 = 0
}

/// The steps of a profile, and the current one.
package final class ProfileWindow: Sendable {
  /// Counted from 0.
  let steps: Range<Int>
  private let current = Atomic<Int>(-1)
  private let begin = Atomic<UInt64>(0)
  private let end = Atomic<UInt64>(0)
  private let seen = Atomic<Int>(0)

  init(_ steps: Range<Int>) { self.steps = steps }

  /// The step under way, counted from 1; nil outside of the window.
  var step: Int? {
    let step = current.load(ordering: .relaxed)
    return step < 0 ? nil : step
  }

  /// Called while the lanes wait, with the number of completed steps.
  func enter(after step: Int) {
    let isInside = steps.contains(step)
    let now = StageClock.now
    if isInside {
      if begin.load(ordering: .relaxed) == 0 { begin.store(now, ordering: .relaxed) }
      seen.add(1, ordering: .relaxed)
    } else {
      leave(at: now)
    }
    current.store(isInside ? step + 1 : -1, ordering: .relaxed)
  }

  /// Called when the run ends, possibly inside of the window.
  func leave(at now: UInt64 = StageClock.now) {
    if begin.load(ordering: .relaxed) > 0, end.load(ordering: .relaxed) == 0 { end.store(now, ordering: .relaxed) }
    current.store(-1, ordering: .relaxed)
  }

  /// Begin and end in nanoseconds; nil if the run did not reach the window.
  var bounds: (begin: UInt64, end: UInt64)? {
    let bounds = (begin.load(ordering: .relaxed), end.load(ordering: .relaxed))
    return bounds.0 > 0 && bounds.1 > bounds.0 ? bounds : nil
  }

  /// The number of steps begun inside.
  var stepCount: Int { seen.load(ordering: .relaxed) }
}

/// The spans of one lane or stage, its only writer.
package final class ProfileTrack: Sendable {
  package let name: String
  private let window: ProfileWindow
  private let spans: SharedArray<ProfileSpan>
  private let used = Atomic<Int>(0)
  private let mark = Atomic<UInt64>(0)

  init(_ name: String, _ window: ProfileWindow, capacity: Int) {
    self.name = name
    self.window = window
    spans = SharedArray(repeating: ProfileSpan(), count: capacity)
  }

  /// Begins the next span.
  func begin() { if window.step != nil { mark.store(StageClock.now, ordering: .relaxed) } }

  /// Ends the current span and begins the next one.
  func note(_ kind: ProfileSpan.Kind, layer: Int = -1, microBatch: Int = -1) {
    guard window.step != nil else { return }
    let now = StageClock.now
    note(kind, layer: layer, microBatch: microBatch, from: mark.exchange(now, ordering: .relaxed), to: now)
  }

  /// Drops spans that no longer fit.
  func note(_ kind: ProfileSpan.Kind, layer: Int = -1, microBatch: Int = -1, from start: UInt64, to end: UInt64) {
    guard let step = window.step, let begin = window.beginning, end > begin else { return }
    let place = used.load(ordering: .relaxed)
    guard place < spans.count else { return }
    spans[place] = ProfileSpan(
      kind: kind, layer: Int32(layer), microBatch: Int32(microBatch), step: Int32(step), start: max(start, begin),
      end: end)
    used.store(place + 1, ordering: .releasing)
  }

  /// All spans in order, after the end of the run.
  package var all: [ProfileSpan] { (0..<used.load(ordering: .acquiring)).map { spans[$0] } }
}

extension ProfileTrack: StepObserver {
  func ranForward(_ layer: Int, _ tape: borrowing Tape) {
    note(.forward, layer: layer, microBatch: tape.microBatch.index)
  }

  func ranBackward(_ layer: Int, _ tape: borrowing Tape) {
    note(.backward, layer: layer, microBatch: tape.microBatch.index)
  }

  func reduced(_ layer: Int, microBatch: Int) { note(.reduction, layer: layer, microBatch: microBatch) }

  func performed(_ task: LaneTask) {
    if let kind = task.span { note(kind) }
  }
}

extension ProfileWindow {
  /// When the first step inside began.
  fileprivate var beginning: UInt64? {
    let time = begin.load(ordering: .relaxed)
    return time > 0 ? time : nil
  }
}
