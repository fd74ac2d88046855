import ArgumentParser
import Checkpoints
import Configuration
import Data
import Formats
import Foundation
import JSON
import Metrics
import Runs

/// What a command ends with when it does not succeed: one line for people, a code for scripts.
struct CommandFailure: Error {
  let message: String
  let exitCode: ExitCode

  init(_ message: String, _ code: Int32 = 1) {
    self.message = message
    exitCode = ExitCode(code)
  }
}

/// Where text goes: people's to the terminal, or to stderr where stdout belongs to a program.
struct Output {
  /// Whether the last line on stdout must be one JSON object.
  let isJSON: Bool

  /// A line for people.
  func say(_ text: String) { Output.write(text + "\n", to: isJSON ? .standardError : .standardOutput) }

  /// The command's result, for programs.
  func result(_ json: JSON) { if isJSON { Output.write(json.compactText + "\n", to: .standardOutput) } }

  static func note(_ text: String) { write(text + "\n", to: .standardError) }

  /// One line, whatever the message holds.
  static func complain(_ text: String) {
    let words = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    write("troupe: error: \(words)\n", to: .standardError)
  }

  static func write(_ text: String, to handle: FileHandle) {
    // A reader that has gone away (head, a closed pager) is no reason to stop training.
    try? handle.write(contentsOf: Data(text.utf8))
  }
}

/// Runs `body`; turns every error of the layers below into its one line and its exit code.
func reportingFailures<Result>(_ body: () async throws -> Result) async throws -> Result {
  do {
    return try await body()
  } catch let error as ConfigurationError {
    throw CommandFailure(error.description, 2)
  } catch let error as RunError {
    throw CommandFailure(error.description, error.cause == .configuration ? 2 : 1)
  } catch let error as DataError {
    throw CommandFailure(error.description, 2)
  } catch let error as FetchError {
    throw CommandFailure(error.description)
  } catch let error as CheckpointError {
    throw CommandFailure(error.description)
  } catch let error as RecordsError {
    throw CommandFailure(error.description)
  } catch let error as ImageError {
    throw CommandFailure(error.description)
  }
}

/// Options that several commands share.
struct JSONOption: ParsableArguments {
  @Flag(name: .long, help: "Print one JSON object as the last line on stdout, and people's text on stderr.")
  var json = false

  var output: Output { Output(isJSON: json) }
}

struct ConfigurationOptions: ParsableArguments {
  @Argument(help: "A JSON configuration file.", completion: .file(extensions: ["json"]))
  var config: String

  @Option(name: .customLong("set"), help: "Replace a value: --set optimizer.learning_rate=3e-4. May be repeated.")
  var overrides: [String] = []

  /// The configuration's JSON with overrides applied, as the user meant it.
  func json() throws(ConfigurationError) -> JSON { try Self.json(config, overrides) }

  static func json(_ path: String, _ overrides: [String]) throws(ConfigurationError) -> JSON {
    var json = try ConfigurationFile.load(path)
    for override in overrides { json = try json.setting(override) }
    return json
  }
}

struct LanesOption: ParsableArguments {
  @Option(name: .long, help: "Threads that compute, one per core by default. Never changes a bit of the result.")
  var lanes: Int?

  func validate() throws {
    if let lanes, !(1...256).contains(lanes) { throw ValidationError("--lanes \(lanes): expected 1 to 256") }
  }

  var count: Int { lanes ?? ProcessInfo.processInfo.activeProcessorCount }
}
