import ArgumentParser
import Diagnostics
import Foundation
import JSON
import Metrics

struct Probe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure language models on sequences: step time, reach of gradients, other lengths.",
    discussion: """
      Examples:
        troupe probe checkpoints/transformer checkpoints/lstm checkpoints/gru
        troupe probe checkpoints/positions-rope --lengths 1,2,4 --json
        troupe probe checkpoints/lstm --times 64,256 --reach

      Without --times, --reach and --lengths everything is measured. The result goes
      to probe.json in the run folder, in place of an earlier probe; troupe report
      draws it.
      """)

  @Argument(help: "Run folders of language models.", completion: .directory, transform: expandingTilde)
  var runs: [String]

  @OptionGroup var checkpoint: CheckpointOption

  @Option(help: "Time training steps on sequences of these lengths, with the run's number of tokens per step.")
  var times: NumberList?

  @Flag(help: "Follow the gradient of a window's last token back to the tokens before it.")
  var reach = false

  @Option(help: "Evaluate in windows of these multiples of the training length.")
  var lengths: NumberList?

  @Option(help: "How long to measure each step time.")
  var seconds = 3.0

  @OptionGroup var moved: MovedDataOption
  @OptionGroup var lanes: LanesOption
  @OptionGroup var json: JSONOption

  private static let longest = 1 << 16
  private static let largestFactor = 256

  func validate() throws {
    try require((0.01...86_400).contains(seconds), "--seconds \(seconds)", "0.01 to 86400")
    try times?.check("--times", in: 1...Self.longest)
    try lengths?.check("--lengths", in: 1...Self.largestFactor)
  }

  func run() async throws {
    try await reportingFailures {
      // All runs are checked before minutes are spent on the first.
      let probes = try runs.map { run in
        let source = try checkpoint.stored(run, places: moved.places, say: json.output.say)
        return (folder: source.folder, probe: try SequenceProbe(source, lanes: lanes.count))
      }
      var results: [JSON] = []
      for (folder, probe) in probes {
        let record = try await measure(probe)
        let file = try ProbeFile.write(record, to: folder)
        json.output.say("  wrote \(file.relativePath) (troupe report draws it)")
        results.append(.object([("file", .string(file.path))] + (record.json.members ?? []).map { ($0.key, $0.value) }))
      }
      json.output.result(.object([("runs", .array(results))]))
    }
  }

  /// Takes the requested measurements, or all of them.
  private func measure(_ probe: SequenceProbe) async throws -> ProbeRecord {
    let isEverything = times == nil && lengths == nil && !reach
    var record = probe.record
    json.output.say("\(record.run) at step \(record.step), trained on \(record.trainingLength) tokens")
    if let lengths = times?.numbers ?? (isEverything ? SequenceProbe.defaultTimes : nil) {
      var points: [ProbeRecord.StepTime] = []
      for length in lengths {
        let point = try await probe.stepTime(length: length, seconds: seconds)
        json.output.say(
          String(format: "  T = %d: %.2f ms per step of %d sequences", length, point.milliseconds, point.rows))
        points.append(point)
      }
      record.stepTimes = probe.stepTimes(points)
    }
    if reach || isEverything {
      let reach = try probe.reach()
      record.reach = reach
      json.output.say("  gradient at the last token's own embedding: 1" + Self.samples(of: reach.norms))
    }
    for factor in lengths?.numbers ?? (isEverything ? SequenceProbe.defaultFactors : []) {
      let loss = try probe.loss(factor: factor)
      record.lengths.append(loss)
      json.output.say("  \(factor) × \(record.trainingLength) tokens: \(Self.text(loss))")
    }
    return record
  }

  /// The reach at distances that double.
  private static func samples(of norms: [Double]) -> String {
    sequence(first: 1) { $0 * 2 }.prefix { $0 < norms.count }
      .map { String(format: ", %d back: %.2g", $0, norms[$0]) }.joined()
  }

  private static func text(_ length: ProbeRecord.LengthLoss) -> String {
    guard let loss = length.loss else { return "no positions beyond \(length.places ?? 0)" }
    let beyond = length.lossBeyond.map { String(format: "; beyond the training length %.4f", $0) } ?? ""
    return String(format: "loss %.4f, perplexity %.3f", loss, exp(loss)) + beyond
  }
}

/// Whole numbers with commas between them.
struct NumberList: ExpressibleByArgument, Sendable {
  let numbers: [Int]

  private static let most = 32

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    numbers = parts.compactMap { Int($0) }
    guard numbers.count == parts.count, numbers.count <= Self.most else { return nil }
  }

  func check(_ option: String, in range: ClosedRange<Int>) throws {
    for number in numbers where !range.contains(number) {
      throw ValidationError("\(option) \(number): expected \(range.lowerBound) to \(range.upperBound)")
    }
    try require(Set(numbers).count == numbers.count, option, "each number once")
  }
}
