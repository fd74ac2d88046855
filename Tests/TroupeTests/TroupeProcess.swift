import Configuration
import Foundation
import JSONValues
import Testing

/// What a finished `troupe` left: its exit and its two streams.
struct TroupeResult: Sendable {
  /// As a shell says it: 128 + n for a process that died of signal n.
  let exitCode: Int32
  /// Whether a signal ended it, which no test but those that send SIGKILL may see.
  let diedOfSignal: Bool
  let output: String
  let errors: String
  let seconds: Double

  var outputLines: [String] { Self.lines(output) }
  var errorLines: [String] { Self.lines(errors) }

  /// The object in the last line on stdout.
  func json(_ location: SourceLocation = #_sourceLocation) throws -> JSON {
    let line = try #require(outputLines.last, "\(errors)", sourceLocation: location)
    return try JSONParser.parse(line, file: "stdout")
  }

  private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }
}

/// A `troupe` of its own process, started as a person would start it.
final class TroupeProcess: Sendable {
  /// The program, which the package manager builds beside the tests.
  static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "troupe")

  private let process = Process()
  private let scratch: URL
  private let finished = DispatchSemaphore(value: 0)
  private let start = ContinuousClock.now

  /// - Parameters:
  ///   - wrapper: a shell script that runs the program as `"$@"`, such as `ulimit -f 8; exec "$@"`.
  ///   - folder: the current directory.
  init(_ arguments: [String], wrapper: String? = nil, in folder: URL) throws {
    let command = [Self.executable.path] + arguments
    process.executableURL = wrapper == nil ? Self.executable : URL(fileURLWithPath: "/bin/sh")
    process.arguments = wrapper.map { ["-c", $0, "sh"] + command } ?? arguments
    process.currentDirectoryURL = folder
    scratch = FileManager.default.temporaryDirectory.appending(path: "troupe-streams-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    // Files and not pipes: nobody needs to read while the program runs.
    process.standardOutput = try Self.create(scratch.appending(path: "out"))
    process.standardError = try Self.create(scratch.appending(path: "err"))
    process.standardInput = FileHandle.nullDevice
    process.terminationHandler = { [finished] _ in finished.signal() }
    try process.run()
  }

  deinit {
    kill(SIGKILL)
    try? FileManager.default.removeItem(at: scratch)
  }

  var isRunning: Bool { process.isRunning }
  var outputSoFar: String { Self.text(scratch.appending(path: "out")) }
  var errorsSoFar: String { Self.text(scratch.appending(path: "err")) }

  /// Sends a signal, if the process still runs.
  func kill(_ signal: Int32) { if process.isRunning { _ = Glibc.kill(process.processIdentifier, signal) } }

  /// Waits for the end; a program that has not ended after `limit` seconds is killed, and the test fails.
  func wait(limit: Double = 120, _ location: SourceLocation = #_sourceLocation) -> TroupeResult {
    if finished.wait(timeout: .now() + limit) == .timedOut {
      Issue.record("troupe \(process.arguments ?? []) has not ended after \(limit) s", sourceLocation: location)
      kill(SIGKILL)
      finished.wait()
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let died = process.terminationReason == .uncaughtSignal
    return TroupeResult(
      exitCode: process.terminationStatus + (died ? 128 : 0), diedOfSignal: died, output: outputSoFar,
      errors: errorsSoFar, seconds: seconds)
  }

  private static func create(_ url: URL) throws -> FileHandle {
    try Data().write(to: url)
    return try FileHandle(forWritingTo: url)
  }

  private static func text(_ url: URL) -> String {
    String(decoding: (try? Data(contentsOf: url)) ?? Data(), as: UTF8.self)
  }
}
