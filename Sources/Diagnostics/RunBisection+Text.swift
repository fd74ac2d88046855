import Foundation
import JSON

extension RunBisection {
  /// The findings, one per line; the first is the answer.
  package var lines: [String] {
    var lines: [String] = []
    switch verdict {
    case .incomparable(let reason): lines = [reason]
    case .different(let difference): lines = [difference.description]
    case .equal(let last, let checkpoint):
      let tensors = checkpoint.map { ", and every tensor of step \($0)'s checkpoints" } ?? ""
      lines = ["the runs do not differ: the records of all \(last) common steps are equal\(tensors)"]
    case .notReproduced(let last, let note):
      lines = ["the configurations give the same bits up to step \(last), which leaves the difference open: \(note)"]
    }
    if let recorded {
      let tensor = recorded.tensor.map { " of \($0)" } ?? ""
      lines.append(
        "records: the \(recorded.quantity.rawValue)\(tensor) differs first, at step \(recorded.step)")
    }
    if commonCheckpoint != nil || differentCheckpoint != nil {
      let equal = commonCheckpoint.map { "equal at step \($0)" } ?? "never equal"
      lines.append("checkpoints: \(equal)" + (differentCheckpoint.map { ", different at step \($0)" } ?? ""))
    }
    if !settings.isEmpty {
      let listed = settings.prefix(Self.listedSettings).map {
        "\($0.key) \($0.values[0] ?? "absent") → \($0.values[1] ?? "absent")"
      }
      let left = settings.count - Self.listedSettings
      lines.append("settings: " + listed.joined(separator: ", ") + (left > 0 ? " and \(left) more" : ""))
    }
    return lines
  }

  private static let listedSettings = 6

  package var json: JSON {
    var members: [(String, JSON)] = []
    switch verdict {
    case .incomparable(let reason):
      members = [("verdict", .string("incomparable")), ("part", .boolean(true)), ("reason", .string(reason))]
    case .different(let difference):
      members = [
        ("verdict", .string("part")), ("part", .boolean(true)), ("step", .integer(difference.step)),
        ("pass", .string(difference.place.pass.rawValue)), ("layer", .string(difference.place.layer)),
        ("tensor", .string(difference.place.tensor)),
        ("micro_batch", difference.place.microBatch.json), ("largest_difference", difference.largest.json),
      ]
    case .equal(let last, _):
      members = [("verdict", .string("never_part")), ("part", .boolean(false)), ("last_step", .integer(last))]
    case .notReproduced(let last, let note):
      members = [
        ("verdict", .string("not_reproduced")), ("part", .boolean(true)), ("last_step", .integer(last)),
        ("reason", .string(note)),
      ]
    }
    let records = recorded.map { difference -> JSON in
      ["step": difference.step, "quantity": difference.quantity.rawValue, "tensor": difference.tensor]
    }
    members += [
      ("records", records.json), ("common_checkpoint", commonCheckpoint.json),
      ("different_checkpoint", differentCheckpoint.json), ("played_steps", replayedSteps.json),
      ("settings", .object(settings.map { ($0.key, $0.values.json) })),
    ]
    return .object(members)
  }
}

extension RunBisection.FirstDifference {
  package var description: String {
    let size = largest.map { String(format: ", by %.3g at most", $0) } ?? ""
    let part = place.microBatch.map { " of micro-batch \($0)" } ?? ""
    let tensor = "layer \(place.layer), tensor \(place.tensor)"
    switch place.pass {
    case .start where step == 0:
      return "the runs differ before their first step, in \(place.tensor)\(size)"
    case .start: return "the runs first differ at step \(step), in \(place.tensor)\(size)"
    case .data: return "the runs first differ at step \(step) in the data: field \"\(place.tensor)\"\(part)"
    case .forward: return "the runs first differ at step \(step) in the forward pass: layer \(place.layer)\(part)"
    case .loss: return "the runs first differ at step \(step) in the loss"
    case .backward:
      return "the runs first differ at step \(step) in the backward pass: layer \(place.layer), \(place.tensor)\(part)"
    case .gradient:
      return "the runs first differ at step \(step) in the gradients: \(tensor)\(size)"
    case .update:
      return "the runs first differ at step \(step) in the update: \(tensor)\(size)"
    }
  }
}
