import ArgumentParser
import Configuration
import Foundation
import JSON
import Runs

struct JSONOption: ParsableArguments {
  @Flag(name: .long, help: "Print one JSON object as the last line on stdout, and text for people on stderr.")
  var json = false

  var output: Output { Output(isJSON: json) }
}

struct OverridesOption: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Replace a value: --set optimizer.learning_rate=3e-4; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []

  /// The JSON of a configuration file with the overrides applied.
  func json(of path: String) throws(ConfigurationError) -> JSON {
    var json = try ConfigurationFile.load(path)
    for override in overrides { json = try json.setting(override) }
    return json
  }
}

struct ConfigurationOptions: ParsableArguments {
  @Argument(
    help: "A JSON configuration file.", completion: .file(extensions: ["json"]), transform: expandingTilde)
  var config: String

  @OptionGroup private var replaced: OverridesOption

  var overrides: [String] { replaced.overrides }

  func json() throws(ConfigurationError) -> JSON { try replaced.json(of: config) }
}

struct LanesOption: ParsableArguments {
  @Option(help: "Threads that compute, one per core by default. Never changes a bit of the result.")
  var lanes: Int?

  private static let most = 256

  func validate() throws {
    guard let lanes else { return }
    try require((1...Self.most).contains(lanes), "--lanes \(lanes)", "1 to \(Self.most)")
    let cores = ProcessInfo.processInfo.activeProcessorCount
    if lanes > cores {
      Output.note("troupe: \(lanes) lanes share \(cores) \(cores == 1 ? "core" : "cores"): correct, and no faster")
    }
  }

  var count: Int { lanes ?? ProcessInfo.processInfo.activeProcessorCount }
}

struct CheckpointOption: ParsableArguments {
  @Option(help: "newest, best, or a step's number.")
  var checkpoint = "newest"

  /// - Parameters:
  ///   - places: where the data lie now.
  ///   - say: receives the names of damaged checkpoints that were passed over.
  func stored(_ run: String, places: [String] = [], say: (String) -> Void) throws -> StoredRun {
    guard let choice = StoredRun.Choice(checkpoint) else {
      throw CommandFailure("--checkpoint \(checkpoint): expected newest, best or a step's number", 2)
    }
    return try StoredRun(run, choice, places: places, say: say)
  }
}

/// Where the data of a run lie now.
struct MovedDataOption: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Where the run's data lie now: --set data.file=new.csv; may be repeated.", valueName: "key=value"))
  var places: [String] = []
}

/// A run, and one of its checkpoints.
struct RunSource: ParsableArguments {
  @Argument(help: "A run folder, or one of its checkpoint files.", completion: .directory, transform: expandingTilde)
  var run: String

  @OptionGroup private var checkpoint: CheckpointOption

  /// - Parameters:
  ///   - places: where the data lie now.
  ///   - say: receives the names of damaged checkpoints that were passed over.
  func stored(places: [String] = [], say: (String) -> Void) throws -> StoredRun {
    try checkpoint.stored(run, places: places, say: say)
  }
}

/// The path with a leading `~` replaced by the home folder, which a shell leaves to the program in `--run-dir=~/runs`.
///
/// Any other leading `~` stays part of the name, which `URL` would take for the home of a user. An empty path, as an unset
/// variable gives it, would mean the current folder.
func expandingTilde(_ path: String) throws -> String {
  guard !path.isEmpty else { throw ValidationError("expected a path, found an empty one") }
  guard path.hasPrefix("~") else { return path }
  guard path == "~" || path.hasPrefix("~/") else { return "./" + path }
  let home = ProcessInfo.processInfo.environment["HOME"] ?? FileManager.default.homeDirectoryForCurrentUser.path
  return home + path.dropFirst()
}

/// An option, and whether it was given.
typealias GivenOption = (name: String, isGiven: Bool)

/// Refuses an option that does not hold what it should.
func require(_ holds: Bool, _ option: String, _ expected: String) throws {
  if !holds { throw ValidationError("\(option): expected \(expected)") }
}

/// Refuses options that have no effect.
///
/// - Parameter reason: why, such as "without --beam".
func refuse(_ options: [GivenOption], _ reason: String) throws {
  if let option = options.first(where: \.isGiven) { throw ValidationError("\(option.name) is of no use \(reason)") }
}
