import JSON

// A journal's lines as JSON, both ways.
extension JournalEntry {
  /// - Parameter time: seconds since 1970, for readers and for the sweep's elapsed time.
  package func json(time: Double) -> JSON { .joining(json, ["time": time]) }

  private var json: JSON {
    switch self {
    case .sweep(let header): .joining(["kind": "sweep"], header.json)
    case .worker(let worker): .joining(["kind": "worker"], worker.json)
    case .heartbeat(let worker): ["kind": "heartbeat", "worker": worker]
    case .point(let number, let assignment, let trials, let refusal):
      .joining(
        ["kind": "point", "point": number, "parameters": JSON(.object(assignment)), "trials": trials],
        refusal.map { ["refusal": $0] } ?? [:])
    case .claim(let point, let seed, let rung, let worker):
      ["kind": "claim", "point": point, "seed": seed, "rung": rung, "worker": worker]
    case .result(let point, let seed, let rung, let worker, let result):
      .joining(["kind": "result", "point": point, "seed": seed, "rung": rung, "worker": worker], result.json)
    case .release(let point, let seed, let worker):
      ["kind": "release", "point": point, "seed": seed, "worker": worker]
    case .stop(let point, let reason): ["kind": "stop", "point": point, "reason": reason]
    }
  }

  package init(json: JSON) throws(JSONMismatch) {
    let kind: String = try json.member("kind")
    switch kind {
    case "sweep": self = .sweep(try JournalHeader(json: json))
    case "worker": self = .worker(try WorkerRecord(json: json))
    case "heartbeat": self = .heartbeat(worker: try json.member("worker"))
    case "point":
      let values: JSON = try json.member("parameters")
      guard let assignment = values.members else { throw JSONMismatch("expected an object").inside("parameters") }
      self = .point(
        number: try json.member("point"), assignment: assignment, trials: try json.member("trials"),
        refusal: try json.member("refusal"))
    case "claim":
      self = .claim(
        point: try json.member("point"), seed: try json.member("seed"), rung: try json.member("rung"),
        worker: try json.member("worker"))
    case "result":
      self = .result(
        point: try json.member("point"), seed: try json.member("seed"), rung: try json.member("rung"),
        worker: try json.member("worker"), try TrialResult(json: json))
    case "release":
      self = .release(
        point: try json.member("point"), seed: try json.member("seed"), worker: try json.member("worker"))
    case "stop": self = .stop(point: try json.member("point"), reason: try json.member("reason"))
    default: throw JSONMismatch("unknown value \"\(kind)\"").inside("kind")
    }
  }
}

extension JournalHeader: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.constant("version", 1)
    coder.member("name", &name)
    coder.member("seeds", &seeds)
    coder.member("micro_batches", &microBatches)
    coder.member("build", &build)
    coder.member("definition", &identity)
    coder.require(identity.members != nil, "definition", "expected an object")
  }
}

extension WorkerRecord: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("worker", &id)
    coder.member("host", &host)
    coder.member("boot", &boot)
    coder.member("process", &process)
    coder.member("jobs", &jobs)
  }
}

extension TrialResult: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("state", &state)
    // The bound keeps the sum of all trials' steps from overflowing.
    coder.member("step", &step, in: 0...1 << 40)
    var values = JSON.object(metrics.map { ($0.name, .number($0.value)) })
    coder.member("metrics", &values)
    coder.require(values.members != nil, "metrics", "expected an object")
    metrics = (values.members ?? []).compactMap { member in member.value.floatingPoint.map { (member.key, $0) } }
    coder.member("seconds", &seconds)
    coder.member(optional: "digest", &digest)
    coder.member(optional: "gradient_flow", &gradientFlow)
    coder.member(optional: "reason", &reason)
  }

  /// The numbers in the last line of `troupe train --json`, nested ones by their path.
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
