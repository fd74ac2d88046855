import Configuration
import Foundation
import JSON

extension RunConfiguration {
  /// What a resumed run may change besides the places of its data: when things are done and written, never what is computed.
  private static let adoptable = [
    ["training", "duration"], ["training", "validate_every"], ["training", "early_stopping"], ["norms"],
    ["checkpoints"], ["samples"],
  ]

  /// This configuration with `micro_batches: "auto"` settled for this machine: the largest number up to its cores that divides
  /// the batch. From then on it belongs to the run, wherever it goes on.
  package func resolvingMicroBatches() throws(ConfigurationError) -> RunConfiguration {
    guard training.microBatches == nil else { return self }
    let batch = data.common.batchSize
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let count = (1...max(1, cores)).last { batch % $0 == 0 } ?? 1
    return try RunConfiguration(resolved.setting("training.micro_batches=\(count)"))
  }

  /// This run's configuration with what `given` may change in it.
  ///
  /// - Throws: when `given` differs elsewhere: a resumed run keeps what it computes.
  package func adopting(_ given: RunConfiguration) throws(ConfigurationError) -> RunConfiguration {
    let adopted = adoptedJSON(given)
    let expected = expectedJSON(given)
    if let path = expected.firstDifference(from: adopted) {
      throw ConfigurationError(
        path: path,
        message: "is \(expected.value(at: path)?.compactText ?? "absent") in the configuration but "
          + "\(adopted.value(at: path)?.compactText ?? "absent") in the run: a resumed run keeps what it computes; "
          + "start a new one with --fresh, or another --run-dir and --init-from")
    }
    return try RunConfiguration(adopted)
  }

  /// The path of the first setting by which `given` computes something else; nil where it may continue this run.
  func computedDifference(from given: RunConfiguration) -> String? {
    expectedJSON(given).firstDifference(from: adoptedJSON(given))
  }

  private func adoptedJSON(_ given: RunConfiguration) -> JSON {
    Self.adoptable.reduce(withPlaces(of: given)) { $0.replacing($1, from: given.resolved) }
  }

  /// This configuration with the data where `other` has them.
  private func withPlaces(of other: RunConfiguration) -> JSON {
    type(of: data.kind).places.reduce(resolved) {
      $0.replacing(["data"] + $1.split(separator: ".").map(String.init), from: other.resolved)
    }
  }

  /// The same run with its data where `other`, of the same run, has them.
  func takingPlaces(of other: RunConfiguration) throws(ConfigurationError) -> RunConfiguration {
    guard type(of: data.kind).kind == type(of: other.data.kind).kind else { return self }
    return try RunConfiguration(withPlaces(of: other))
  }

  /// The same run with its data where `assignments` in the form of `--set` say.
  ///
  /// - Throws: where they change anything else.
  func takingPlaces(_ assignments: [String]) throws(ConfigurationError) -> RunConfiguration {
    var json = resolved
    for assignment in assignments { json = try json.setting(assignment) }
    let moved = try RunConfiguration(json)
    let expected = try takingPlaces(of: moved)
    guard let path = moved.resolved.firstDifference(from: expected.resolved) else { return moved }
    let places = type(of: data.kind).places.map { "data.\($0)" }.joined(separator: ", ")
    throw ConfigurationError(
      path: path,
      message: "belongs to the trained model; only the places of its data can be changed here"
        + (places.isEmpty ? ", and it has none" : " (\(places))"))
  }

  private func expectedJSON(_ given: RunConfiguration) -> JSON {
    guard given.training.microBatches == nil else { return given.resolved }
    return given.resolved.replacing(["training", "micro_batches"], from: resolved)
  }
}

extension JSON {
  /// The path of the first value that differs from `other`'s, `optimizer.learning_rate`; nil where all are equal.
  package func firstDifference(from other: JSON, path: String = "") -> String? {
    if self == other { return nil }
    // "1 epoch" and "1 epochs" are the same.
    if let text = string, let same = other.string, let duration = TrainingDuration(text: text),
      duration == TrainingDuration(text: same)
    {
      return nil
    }
    guard let mine = members, let theirs = other.members else { return path }
    let keys = mine.map(\.key) + theirs.map(\.key).filter { self[$0] == nil }
    for key in keys {
      let inner = path.isEmpty ? key : "\(path).\(key)"
      guard let a = self[key], let b = other[key] else { return inner }
      if let difference = a.firstDifference(from: b, path: inner) { return difference }
    }
    return nil
  }

  fileprivate func value(at path: String) -> JSON? {
    path.split(separator: ".").reduce(Optional(self)) { $0?[String($1)] }
  }

  /// This object with the value at `path` as `other` has it, or without it where `other` has none.
  fileprivate func replacing(_ path: [String], from other: JSON) -> JSON {
    guard let key = path.first, var members else { return self }
    let inner = Array(path.dropFirst())
    let index = members.firstIndex { $0.key == key }
    if inner.isEmpty {
      switch (index, other[key]) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(key, value))
      case (nil, nil): break
      }
    } else if let index, let theirs = other[key] {
      members[index].value = members[index].value.replacing(inner, from: theirs)
    }
    return JSON(.object(members), at: location)
  }
}
