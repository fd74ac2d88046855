import Checkpoints
import Configuration
import Foundation
import JSON
import TestSupport
import Testing

/// The current directory of the processes that a test runs.
typealias Workspace = TemporaryFolder

extension TemporaryFolder {
  /// Every file under `path` with its contents: equal before and after where nothing may be touched.
  func snapshot(_ path: String = ".") throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in FileManager.default.enumerator(atPath: file(path).path) ?? .init() {
      guard let name = name as? String, let data = try? bytes("\(path)/\(name)") else { continue }
      files[name] = data
    }
    return files
  }

  // MARK: Running

  func start(_ arguments: String..., wrapper: String? = nil) throws -> TroupeProcess {
    try TroupeProcess(arguments, wrapper: wrapper, in: url)
  }

  @discardableResult func troupe(
    _ arguments: String..., wrapper: String? = nil, limit: Double = 120, location: SourceLocation = #_sourceLocation
  ) throws -> TroupeResult {
    try TroupeProcess(arguments, wrapper: wrapper, in: url).wait(limit: limit, location)
  }

  /// Runs a command that must end well.
  @discardableResult func succeed(
    _ arguments: String..., location: SourceLocation = #_sourceLocation
  ) throws -> TroupeResult {
    let result = try TroupeProcess(arguments, in: url).wait(location)
    #expect(result.exitCode == 0, "\(arguments): \(result.errors)", sourceLocation: location)
    return result
  }

  /// Runs a command that must be refused: one line on stderr with all of `words`, the exit code, nothing on stdout.
  @discardableResult func refuse(
    _ arguments: String..., code: Int32 = 2, saying words: [String], wrapper: String? = nil,
    location: SourceLocation = #_sourceLocation
  ) throws -> TroupeResult {
    let result = try TroupeProcess(arguments, wrapper: wrapper, in: url).wait(location)
    expectRefusal(result, code: code, saying: words, location)
    return result
  }
}

extension Workspace {
  /// Expects that a sample of the run is refused in one line.
  func refuses(
    _ options: [String], code: Int32 = 2, saying words: [String], location: SourceLocation = #_sourceLocation
  ) {
    do {
      let result = try TroupeProcess(["sample", "run"] + options, in: url).wait(location)
      expectRefusal(result, code: code, saying: words, location)
    } catch {
      Issue.record(error, sourceLocation: location)
    }
  }
}

/// Expects one clear line after any notes: no trace, no signal, the code that scripts rely on.
func expectRefusal(
  _ result: TroupeResult, code: Int32, saying words: [String], _ location: SourceLocation = #_sourceLocation
) {
  #expect(result.exitCode == code, "\(result.errors)", sourceLocation: location)
  #expect(!result.diedOfSignal, "\(result.errors)", sourceLocation: location)
  let complaints = result.errorLines.filter { $0.hasPrefix("troupe: error: ") }
  #expect(complaints.count == 1, "\(result.errors)", sourceLocation: location)
  #expect(result.errorLines.last == complaints.last, "\(result.errors)", sourceLocation: location)
  for word in words {
    #expect(complaints.last?.contains(word) == true, "\"\(word)\" in: \(result.errors)", sourceLocation: location)
  }
  for trace in ["Fatal error", "Stack dump", "Backtrace", " at 0x"] {
    #expect(!result.errors.contains(trace), "\(result.errors)", sourceLocation: location)
  }
}

// MARK: Configurations

/// A configuration that trains in a fraction of a second; `--set` makes others of it.
let smallConfiguration = """
  {
    "name": "small",
    "seed": 7,
    "data": {
      "type": "spirals", "points_per_class": 200, "batch_size": 32,
      "validation_fraction": 0.1, "test_fraction": 0.1, "standardize": true
    },
    "model": {"type": "mlp", "depth": 3, "width": 16, "activation": "relu", "normalization": "batch", "dropout": 0.1},
    "optimizer": {"type": "adamw", "learning_rate": 0.01},
    "schedule": {"type": "cosine", "warmup": "10 steps"},
    "clipping": {"type": "global_norm", "threshold": 1},
    "training": {"duration": "4 epochs", "micro_batches": 2},
    "checkpoints": {"every": "1 epoch"}
  }
  """

extension Workspace {
  /// A workspace with `small.json` in it.
  static func withSmallConfiguration() throws -> Workspace {
    let workspace = try Workspace()
    try workspace.write(smallConfiguration, "small.json")
    return workspace
  }

  /// The steps that a run's records hold, in the order of their lines.
  func recordedSteps(_ run: String) throws -> [Int] {
    try text("\(run)/metrics.jsonl").split(separator: "\n").compactMap { line in
      let json = try JSONParser.parse(String(line), file: "metrics.jsonl")
      return json["kind"]?.string == "step" ? json["step"]?.integer : nil
    }
  }

  /// The steps of the checkpoints in a run folder, oldest first.
  func checkpointSteps(_ run: String) throws -> [Int] {
    try names(run).compactMap { CheckpointFile.step(ofName: $0) }.sorted()
  }
}

extension Workspace {
  /// The state of a run in its newest checkpoint.
  func lastState(_ run: String) throws -> JSON {
    let step = try #require(try checkpointSteps(run).last)
    let summary = try CheckpointFile.verify(at: file("\(run)/\(CheckpointFile.name(step: step))"))
    return try JSONParser.parse(try #require(summary.metadata.state), file: "state")
  }
}

// MARK: Accidents

extension Workspace {
  /// Changes one byte in the middle of a file.
  func damage(_ path: String) throws {
    var data = try bytes(path)
    data[data.count / 2] ^= 0x10
    try data.write(to: file(path))
  }

  /// Waits for something that another process does, half a minute at most.
  func waitUntil(_ location: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool) throws {
    let end = ContinuousClock.now + .seconds(30)
    while try !condition() {
      try #require(ContinuousClock.now < end, "it has not happened in time", sourceLocation: location)
      usleep(500)
    }
  }
}
