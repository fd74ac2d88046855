import Checkpoints
import Foundation
import Metrics
import Models
import Reports
import Runs
import Tensors
import Training

/// Compares two runs: their folders first, then their replayed steps.
struct BisectionSearch {
  private let runs: [BisectedRun]
  private let table: ConfigurationTable
  private var recorded: RecordComparison.Difference?
  private var commonCheckpoint: Int?
  private var differentCheckpoint: Int?
  private var replayedSteps = 0

  init(_ first: BisectedRun, _ second: BisectedRun) {
    runs = [first, second]
    table = ConfigurationTable(runs.map(\.configurationText))
  }

  mutating func find(say: (String) -> Void) async throws -> RunBisection {
    let verdict = try await judge(say: say)
    return RunBisection(
      verdict: verdict, recorded: recorded, commonCheckpoint: commonCheckpoint,
      differentCheckpoint: differentCheckpoint, settings: table.differences, replayedSteps: replayedSteps)
  }

  private mutating func judge(say: (String) -> Void) async throws -> RunBisection.Verdict {
    let comparison = try RecordComparison(runs[0].folder, runs[1].folder)
    recorded = comparison.difference
    // The first parameters follow from the configurations; the models are compared there.
    var players = [try runs[0].player(from: nil), try runs[1].player(from: nil)]
    let verdict: RunBisection.Verdict
    do {
      verdict = try await judge(&players, comparison, say: say)
    } catch {
      for player in players { await player.finish() }
      throw error
    }
    for player in players { await player.finish() }
    return verdict
  }

  private mutating func judge(
    _ players: inout [StepPlayer], _ comparison: RecordComparison, say: (String) -> Void
  ) async throws -> RunBisection.Verdict {
    if let reason = Self.incomparable(players.map(\.model), table) { return .incomparable(reason: reason) }
    try compareCheckpoints(players.map(\.model), before: recorded?.step ?? Int.max)
    guard recorded != nil || differentCheckpoint != nil else {
      let begin = await [players[0].start(), players[1].start()]
      // Records alone would not show a different start of runs without a common step.
      if comparison.lastStep > 0 || begin[0].firstDifference(from: begin[1]) == nil {
        return .equal(lastStep: max(comparison.lastStep, commonCheckpoint ?? 0), checkpoint: commonCheckpoint)
      }
      return .different(await difference(0, begin, players) ?? Self.unknown)
    }
    let start = commonCheckpoint
    for (index, run) in runs.enumerated() {
      await players[index].finish()
      players[index] = try run.player(from: start.flatMap { step in run.checkpoints.first { $0.step == step } })
    }
    let last = min(recorded?.step ?? Int.max, differentCheckpoint ?? Int.max)
    say(
      "replaying both runs from \(start.map { "step \($0), whose checkpoints are equal," } ?? "their first step") "
        + "to step \(last)")
    return try await replay(players, from: start ?? 0, to: last, comparison)
  }

  private mutating func replay(
    _ players: [StepPlayer], from start: Int, to last: Int, _ comparison: RecordComparison
  ) async throws -> RunBisection.Verdict {
    let begin = await [players[0].start(), players[1].start()]
    if let difference = await difference(start, begin, players) { return .different(difference) }
    // By run, the first step whose recorded loss differs from the replayed one.
    var mismatches: [Int: Int] = [:]
    for step in start + 1...max(start + 1, last) {
      async let first = players[0].runStep()
      async let second = players[1].runStep()
      let traces = try await [first, second]
      replayedSteps += 1
      if let difference = await difference(step, traces, players) { return .different(difference) }
      for run in 0..<2 where mismatches[run] == nil {
        let loss = comparison.losses[run][step]
        if let loss, loss.bitPattern != Float(traces[run].loss).bitPattern { mismatches[run] = step }
      }
      if let place = traces[0].nonfinite {
        return .notReproduced(lastStep: step, note: "\(place) is not finite in either run at step \(step)")
      }
    }
    return .notReproduced(lastStep: last, note: note(mismatches))
  }

  /// The reason that different runs are equal when replayed.
  private func note(_ mismatches: [Int: Int]) -> String {
    let builds = runs.map { $0.build ?? "an unknown build" }
    if let (run, step) = mismatches.min(by: { $0.value < $1.value }) {
      let name = runs[run].folder.lastPathComponent
      return "the loss that \(name) recorded at step \(step) is not the replayed one: the run was made "
        + "by \(builds[run]), on another machine or from other data, or its memory failed"
    }
    return builds[0] == builds[1]
      ? "the difference is too small to show in the loss" : "they were made by \(builds[0]) and \(builds[1])"
  }

  /// The first difference between the traces of a step; nil if there is none.
  private func difference(
    _ step: Int, _ traces: [StepTrace], _ players: [StepPlayer]
  ) async -> RunBisection.FirstDifference? {
    guard let place = traces[0].firstDifference(from: traces[1]) else { return nil }
    return RunBisection.FirstDifference(step: step, place: place, largest: Self.largest(place, players.map(\.model)))
  }

  private static let unknown = RunBisection.FirstDifference(
    step: 0, place: StepTrace.Place(pass: .start, layer: "", tensor: "", microBatch: nil), largest: nil)

  /// The largest difference between elements of a tensor that both models still hold.
  private static func largest(_ place: StepTrace.Place, _ models: [RunModel]) -> Double? {
    let slices = models.map { model -> TensorSlice? in
      switch place.pass {
      case .gradient:
        return model.table.index(of: place.tensor).map {
          model.table.slice(model.table.entries[$0], in: model.reduction.arenas[0])
        }
      case .start, .update:
        return model.checkpointTensors.first {
          $0.path == place.tensor || $0.path == "parameters/\(place.tensor)"
        }?.slice
      case .data, .forward, .loss, .backward: return nil
      }
    }
    guard let a = slices[0], let b = slices[1], a.count == b.count, a.type == .float32 else { return nil }
    let one = a.floats
    let other = b.floats
    var largest = 0.0
    for index in one.indices { largest = max(largest, abs(Double(one[index]) - Double(other[index]))) }
    return largest
  }

  /// The reason that two models cannot be compared; nil if their tensors have the same names and shapes.
  private static func incomparable(_ models: [RunModel], _ table: ConfigurationTable) -> String? {
    let entries = models.map(\.table.entries)
    let different = zip(entries[0], entries[1]).first { $0.name != $1.name || $0.shape != $1.shape }
    guard different != nil || entries[0].count != entries[1].count else { return nil }
    let setting = table.differences.first { $0.key.hasPrefix("model.") } ?? table.differences.first
    var words = "the runs have different models"
    if let setting {
      let values = setting.values.map { $0 ?? "absent" }
      words += ": \(setting.key) is \(values[0]) in the first and \(values[1]) in the second"
    }
    if let (a, b) = different {
      words += "; the first tensors that differ are \(a.name) \(a.shape) and \(b.name) \(b.shape)"
    } else {
      words += "; one has \(entries[0].count) tensors, the other \(entries[1].count)"
    }
    return words
  }

  /// Compares the checkpoints of the steps that both runs have, the newest before `limit` first.
  private mutating func compareCheckpoints(_ models: [RunModel], before limit: Int) throws {
    let steps = Set(runs[0].checkpoints.map(\.step)).intersection(runs[1].checkpoints.map(\.step))
    let tensors = models.map(\.checkpointTensors)
    guard zip(tensors[0], tensors[1]).allSatisfy({ $0.path == $1.path && $0.shape == $1.shape }),
      tensors[0].count == tensors[1].count
    else { return }
    for step in steps.sorted(by: >) where step < limit || limit == Int.max {
      var states: [RunState] = []
      for (run, tensors) in zip(runs, tensors) {
        guard let stored = run.checkpoints.first(where: { $0.step == step }),
          let metadata = try? CheckpointFile.read(at: stored.url, into: tensors),
          let state = try? metadata.runState(of: stored.url)
        else { break }
        states.append(state)
      }
      // Damaged checkpoints are skipped.
      guard states.count == 2 else { continue }
      let areEqual = states[0].cursor == states[1].cursor && TensorComparison.first(tensors[0], tensors[1]) == nil
      if areEqual {
        commonCheckpoint = step
        return
      }
      differentCheckpoint = step
    }
  }
}

/// Compares tensors byte by byte.
enum TensorComparison {
  /// The path of the first different tensor; both lists must have the same names in the same order.
  static func first(_ one: [CheckpointTensor], _ other: [CheckpointTensor]) -> String? {
    zip(one, other).first { mine, theirs in
      mine.slice.count != theirs.slice.count || mine.slice.fingerprint != theirs.slice.fingerprint
    }?.0.path
  }
}
