import Foundation
import JSON

// A journal's lines as JSON, both ways.
extension JournalEntry {
  /// - Parameter time: seconds since 1970, for people and for the time that a sweep has taken.
  package func json(time: Double) -> JSON {
    let members: [(String, JSON)] =
      switch self {
      case .sweep(let header):
        [
          ("kind", .string("sweep")), ("version", .integer(JournalHeader.version)), ("name", .string(header.name)),
          ("seeds", .array(header.seeds.map { .integer($0) })), ("micro_batches", .integer(header.microBatches)),
          ("build", .string(header.build)), ("definition", header.identity),
        ]
      case .worker(let worker):
        [
          ("kind", .string("worker")), ("worker", .string(worker.id)), ("host", .string(worker.host)),
          ("boot", .string(worker.boot)), ("process", .integer(worker.process)), ("jobs", .integer(worker.jobs)),
        ]
      case .heartbeat(let worker): [("kind", .string("heartbeat")), ("worker", .string(worker))]
      case .point(let number, let assignment, let trials, let refusal):
        [
          ("kind", .string("point")), ("point", .integer(number)), ("parameters", JSON(.object(assignment))),
          ("trials", .array(trials.map { .string($0) })),
        ] + (refusal.map { [("refusal", .string($0))] } ?? [])
      case .claim(let point, let seed, let rung, let worker):
        [
          ("kind", .string("claim")), ("point", .integer(point)), ("seed", .integer(seed)), ("rung", .integer(rung)),
          ("worker", .string(worker)),
        ]
      case .result(let point, let seed, let rung, let worker, let result):
        [
          ("kind", .string("result")), ("point", .integer(point)), ("seed", .integer(seed)), ("rung", .integer(rung)),
          ("worker", .string(worker)),
        ] + result.members
      case .release(let point, let seed, let worker):
        [
          ("kind", .string("release")), ("point", .integer(point)), ("seed", .integer(seed)),
          ("worker", .string(worker)),
        ]
      case .stop(let point, let reason):
        [("kind", .string("stop")), ("point", .integer(point)), ("reason", .string(reason))]
      }
    return .object(members + [("time", .number(time))])
  }

  /// - Returns: nil where the line is none of a journal's.
  package init?(_ json: JSON) {
    func count(_ key: String) -> Int? { json[key]?.count }
    func string(_ key: String) -> String? { json[key]?.string }
    switch string("kind") {
    case "sweep":
      guard count("version") == JournalHeader.version, let name = string("name"), let seeds = json["seeds"]?.array,
        let parts = count("micro_batches"), let definition = json["definition"], definition.members != nil
      else { return nil }
      self = .sweep(
        JournalHeader(
          name: name, identity: definition, seeds: seeds.compactMap(\.integer), microBatches: parts,
          build: string("build") ?? ""))
    case "worker":
      guard let id = string("worker"), let host = string("host"), let boot = string("boot") else { return nil }
      self = .worker(
        WorkerRecord(
          id: id, host: host, boot: boot, process: count("process") ?? 0, jobs: count("jobs") ?? 1))
    case "heartbeat":
      guard let worker = string("worker") else { return nil }
      self = .heartbeat(worker: worker)
    case "point":
      guard let number = count("point"), let values = json["parameters"]?.members, let trials = json["trials"]?.array
      else { return nil }
      self = .point(
        number: number, assignment: values, trials: trials.compactMap(\.string), refusal: string("refusal"))
    case "claim":
      guard let point = count("point"), let seed = count("seed"), let rung = count("rung"),
        let worker = string("worker")
      else { return nil }
      self = .claim(point: point, seed: seed, rung: rung, worker: worker)
    case "result":
      guard let point = count("point"), let seed = count("seed"), let rung = count("rung"),
        let worker = string("worker"),
        let result = TrialResult(json)
      else { return nil }
      self = .result(point: point, seed: seed, rung: rung, worker: worker, result)
    case "release":
      guard let point = count("point"), let seed = count("seed"), let worker = string("worker") else { return nil }
      self = .release(point: point, seed: seed, worker: worker)
    case "stop":
      guard let point = count("point"), let reason = string("reason") else { return nil }
      self = .stop(point: point, reason: reason)
    default: return nil
    }
  }
}

extension TrialResult {
  /// More are a damaged line: the steps of all trials are added up.
  private static let mostSteps = 1 << 40

  fileprivate var members: [(String, JSON)] {
    var members: [(String, JSON)] = [
      ("state", .string(state.rawValue)), ("step", .integer(step)),
      ("metrics", .object(metrics.map { ($0.name, .number($0.value)) })), ("seconds", .number(seconds)),
    ]
    if let digest { members.append(("digest", .string(digest))) }
    if let gradientFlow { members.append(("gradient_flow", .string(gradientFlow))) }
    if let reason { members.append(("reason", .string(reason))) }
    return members
  }

  fileprivate init?(_ json: JSON) {
    let step = json["step"]?.count ?? 0
    guard let state = json["state"]?.string.flatMap(State.init(rawValue:)), let metrics = json["metrics"]?.members,
      step <= Self.mostSteps
    else { return nil }
    self.init(
      state: state, metrics: metrics.compactMap { member in member.value.floatingPoint.map { (member.key, $0) } },
      step: step, digest: json["digest"]?.string, gradientFlow: json["gradient_flow"]?.string,
      seconds: json["seconds"]?.double ?? 0, reason: json["reason"]?.string)
  }

  /// The numbers in what `troupe train --json` prints last, nested ones by their path.
  package static func metrics(of json: JSON) -> [(name: String, value: Double)] {
    var metrics: [(name: String, value: Double)] = []
    func walk(_ json: JSON, _ path: String) {
      for member in json.members ?? [] {
        let inner = path.isEmpty ? member.key : "\(path).\(member.key)"
        if let value = member.value.floatingPoint { metrics.append((inner, value)) } else { walk(member.value, inner) }
      }
    }
    walk(json.withoutKeys(["step", "checkpoints", "run", "gradient_flow", "parameters_digest"]), "")
    return metrics
  }
}
