import Glibc
import JSON

/// Bounds that keep a hostile file's numbers from overflowing.
private let anyCount = 0...1 << 40
private let positiveCount = 1...1 << 40
private let mostPoints = 64
private let mostDistances = 1 << 20

extension ProbeRecord: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.constant("format", "troupe-probe")
    coder.constant("version", 1)
    coder.member("run", &run)
    coder.member("step", &step, in: anyCount)
    coder.member("training_length", &trainingLength, in: positiveCount)
    coder.member("position", &position)
    coder.member("step_times", &stepTimes)
    coder.member("reach", &reach)
    var windows = lengths.map { Window(loss: $0, trainingLength: trainingLength) }
    coder.member("lengths", &windows)
    coder.require(windows.count <= mostPoints, "lengths", "expected at most \(mostPoints)")
    lengths = windows.map(\.loss)
  }
}

extension ProbeRecord.StepTimes: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("precision", &precision)
    coder.member("lanes", &lanes, in: anyCount)
    coder.member("points", &points)
    coder.require(points.count <= mostPoints, "points", "expected at most \(mostPoints)")
  }
}

extension ProbeRecord.StepTime: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("length", &length, in: positiveCount)
    coder.member("rows", &rows, in: anyCount)
    coder.member("median_ms", &milliseconds)
  }
}

extension ProbeRecord.Reach: JSONRecord {
  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("windows", &windows, in: anyCount)
    coder.member("relative_norms", &norms)
    coder.require(norms.count <= mostDistances, "relative_norms", "expected at most \(mostDistances)")
  }
}

/// The loss in windows of one length, with the numbers that follow from it.
private struct Window {
  var loss = ProbeRecord.LengthLoss(factor: 1)
  var trainingLength = 1
}

extension Window: JSONRecord {
  mutating func code(_ coder: inout JSONCoder) {
    func perplexity(_ loss: Double?) -> JSON { loss.map { exp($0) }.json }
    coder.member("factor", &loss.factor, in: positiveCount)
    coder.derived("length", .integer(loss.factor * trainingLength))
    coder.member("tokens", &loss.tokens, in: anyCount)
    coder.member("loss", &loss.loss)
    coder.derived("perplexity", perplexity(loss.loss))
    coder.member("loss_beyond", &loss.lossBeyond)
    coder.derived("perplexity_beyond", perplexity(loss.lossBeyond))
    coder.member("places", &loss.places)
  }
}
