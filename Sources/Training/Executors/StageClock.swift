import Dispatch
import Metrics
import Synchronization

/// The time a stage spent working and waiting since it was last asked, in nanoseconds.
// Sendable because its counters are atomic: the stage adds, the recorder takes.
package final class StageClock: Sendable {
  package let name: String
  private let busy = Atomic<UInt64>(0)
  private let waiting = Atomic<UInt64>(0)
  private let last = Atomic<UInt64>(StageClock.now)

  /// The stage's track in the profile; nil in a run without one.
  private let track: ProfileTrack?
  /// The kind of spans that the track shows.
  private let drawn: ProfileSpan.Kind

  package init(_ name: String, track: ProfileTrack? = nil, drawing drawn: ProfileSpan.Kind = .working) {
    self.name = name
    self.track = track
    self.drawn = drawn
  }

  /// Nanoseconds of the monotonic clock.
  package static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// Seconds since a reading of `now`.
  package static func seconds(since start: UInt64) -> Double { Double(now &- start) / 1e9 }

  /// Counts the time since the last call as work.
  package func worked() { busy.add(lap(.working), ordering: .relaxed) }

  /// Counts the time since the last call as waiting.
  package func waited() { waiting.add(lap(.waiting), ordering: .relaxed) }

  private func lap(_ kind: ProfileSpan.Kind) -> UInt64 {
    let now = Self.now
    let start = last.exchange(now, ordering: .relaxed)
    if let track, kind == drawn { track.note(kind, from: start, to: now) }
    return now &- start
  }

  /// Seconds since the last call of this method.
  func take() -> StageTime {
    StageTime(
      name: name, busy: Double(busy.exchange(0, ordering: .relaxed)) / 1e9,
      waiting: Double(waiting.exchange(0, ordering: .relaxed)) / 1e9)
  }
}
