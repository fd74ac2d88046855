import Foundation
import JSON

extension RunBisection {
  /// What was found out, a line each; the first is the answer.
  package var lines: [String] {
    var lines: [String] = []
    switch verdict {
    case .incomparable(let reason): lines = [reason]
    case .part(let parting): lines = [parting.description]
    case .neverPart(let last, let checkpoint):
      let tensors = checkpoint.map { ", and every tensor of step \($0)'s checkpoints" } ?? ""
      lines = ["the runs do not part: the records of all \(last) common steps are equal\(tensors)"]
    case .notReproduced(let last, let note):
      lines = ["the configurations give the same bits up to step \(last), so they are not why the runs part: \(note)"]
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
    case .part(let parting):
      members = [
        ("verdict", .string("part")), ("part", .boolean(true)), ("step", .integer(parting.step)),
        ("pass", .string(parting.place.pass.rawValue)), ("layer", .string(parting.place.layer)),
        ("tensor", .string(parting.place.tensor)),
        ("micro_batch", parting.place.microBatch.map { .integer($0) } ?? .null),
        ("largest_difference", parting.largest.map { .number($0) } ?? .null),
      ]
    case .neverPart(let last, _):
      members = [("verdict", .string("never_part")), ("part", .boolean(false)), ("last_step", .integer(last))]
    case .notReproduced(let last, let note):
      members = [
        ("verdict", .string("not_reproduced")), ("part", .boolean(true)), ("last_step", .integer(last)),
        ("reason", .string(note)),
      ]
    }
    let records: JSON =
      recorded.map {
        .object([
          ("step", .integer($0.step)), ("quantity", .string($0.quantity.rawValue)),
          ("tensor", $0.tensor.map { .string($0) } ?? .null),
        ])
      } ?? .null
    members += [
      ("records", records), ("common_checkpoint", commonCheckpoint.map { .integer($0) } ?? .null),
      ("different_checkpoint", differentCheckpoint.map { .integer($0) } ?? .null),
      ("played_steps", .integer(playedSteps)),
      (
        "settings",
        .object(
          settings.map { ($0.key, .array($0.values.map { value in value.map { .string($0) } ?? .null })) })
      ),
    ]
    return .object(members)
  }
}

extension RunBisection.Parting {
  package var description: String {
    let size = largest.map { String(format: ", by %.3g at most", $0) } ?? ""
    let part = place.microBatch.map { " of micro-batch \($0)" } ?? ""
    switch place.pass {
    case .start where step == 0:
      return "the runs part before their first step: \(place.tensor) begins differently\(size)"
    case .start: return "the runs part at step \(step), in \(place.tensor)\(size)"
    case .data: return "the runs part at step \(step) in the data: field \"\(place.tensor)\"\(part) differs"
    case .forward: return "the runs part at step \(step) in the forward pass: layer \(place.layer)\(part)"
    case .loss: return "the runs part at step \(step) in the loss"
    case .backward:
      return "the runs part at step \(step) in the backward pass: layer \(place.layer), \(place.tensor)\(part)"
    case .gradient:
      return "the runs part at step \(step) in the gradients: layer \(place.layer), tensor \(place.tensor)\(size)"
    case .update:
      return "the runs part at step \(step) in the update: layer \(place.layer), tensor \(place.tensor)\(size)"
    }
  }
}
