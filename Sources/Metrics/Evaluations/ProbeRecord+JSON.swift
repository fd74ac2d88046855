import Glibc
import JSON

extension ProbeRecord {
  static let format = "troupe-probe"
  private static let version = 1
  /// More are not of ours.
  private static let mostPoints = 64
  private static let mostDistances = 1 << 20

  /// The file's contents.
  package var json: JSON {
    .object([
      ("format", .string(Self.format)), ("version", .integer(Self.version)), ("run", .string(run)),
      ("step", .integer(step)), ("training_length", .integer(trainingLength)),
      ("position", position.map { .string($0) } ?? .null),
      (
        "step_times",
        stepTimes.map { times in
          .object([
            ("precision", .string(times.precision)), ("lanes", .integer(times.lanes)),
            ("points", .array(times.points.map(\.json))),
          ])
        } ?? .null
      ),
      (
        "reach",
        reach.map { reach in
          .object([
            ("windows", .integer(reach.windows)), ("relative_norms", .array(reach.norms.map { .number($0) })),
          ])
        } ?? .null
      ),
      ("lengths", .array(lengths.map { $0.json(trainingLength: trainingLength) })),
    ])
  }

  /// - Throws: a reason in a few words when `json` is no probe of this version.
  init(json: JSON) throws(Damage) {
    guard json["format"]?.string == Self.format, json["version"]?.integer == Self.version else {
      throw Damage(reason: "not a probe of this version")
    }
    guard let run = json["run"]?.string, let step = json.bounded("step"),
      let length = json.bounded("training_length"), length > 0
    else { throw Damage(reason: "\"run\", \"step\" or \"training_length\" is missing or wrong") }
    self.init(run: run, step: step, trainingLength: length, position: json["position"]?.string)
    if let times = json["step_times"], times != .null {
      guard let value = StepTimes(json: times, most: Self.mostPoints) else {
        throw Damage(reason: "\"step_times\" are wrong")
      }
      stepTimes = value
    }
    if let json = json["reach"], json != .null {
      guard let windows = json.bounded("windows"), let norms = json["relative_norms"]?.array,
        norms.count <= Self.mostDistances
      else { throw Damage(reason: "\"reach\" is wrong") }
      reach = Reach(windows: windows, norms: norms.map { $0.floatingPoint ?? .nan })
    }
    guard let listed = json["lengths"]?.array, listed.count <= Self.mostPoints else {
      throw Damage(reason: "\"lengths\" are wrong")
    }
    for json in listed {
      guard let loss = LengthLoss(json: json) else { throw Damage(reason: "\"lengths\" are wrong") }
      lengths.append(loss)
    }
  }

  /// Why a file is not read.
  struct Damage: Error { let reason: String }
}

extension JSON {
  /// A member from 0 to 2⁴⁰, which keeps a hostile file's numbers from overflowing.
  fileprivate func bounded(_ key: String) -> Int? {
    self[key]?.integer.flatMap { (0...1 << 40).contains($0) ? $0 : nil }
  }
}

extension ProbeRecord.StepTimes {
  fileprivate init?(json: JSON, most: Int) {
    guard let precision = json["precision"]?.string, let lanes = json.bounded("lanes"),
      let listed = json["points"]?.array, listed.count <= most
    else { return nil }
    var points: [ProbeRecord.StepTime] = []
    for json in listed {
      guard let length = json.bounded("length"), length > 0, let rows = json.bounded("rows"),
        let milliseconds = json["median_ms"]?.double
      else { return nil }
      points.append(.init(length: length, rows: rows, milliseconds: milliseconds))
    }
    self.init(precision: precision, lanes: lanes, points: points)
  }
}

extension ProbeRecord.StepTime {
  fileprivate var json: JSON {
    .object([("length", .integer(length)), ("rows", .integer(rows)), ("median_ms", .number(milliseconds))])
  }
}

extension ProbeRecord.LengthLoss {
  fileprivate func json(trainingLength: Int) -> JSON {
    func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
    return .object([
      ("factor", .integer(factor)), ("length", .integer(factor * trainingLength)), ("tokens", .integer(tokens)),
      ("loss", number(loss)), ("perplexity", number(loss.map { exp($0) })), ("loss_beyond", number(lossBeyond)),
      ("perplexity_beyond", number(lossBeyond.map { exp($0) })), ("places", places.map { .integer($0) } ?? .null),
    ])
  }

  fileprivate init?(json: JSON) {
    guard let factor = json.bounded("factor"), factor > 0, let tokens = json.bounded("tokens") else { return nil }
    self.init(
      factor: factor, tokens: tokens, loss: json["loss"]?.floatingPoint,
      lossBeyond: json["loss_beyond"]?.floatingPoint, places: json.bounded("places"))
  }
}
