import Configuration
import Foundation
import JSON
import Synchronization
import TestSupport
import Testing

/// The exit code and the two streams of a finished `troupe`.
struct TroupeResult: Sendable {
  /// As in a shell: 128 + n for a process that died of signal n.
  let exitCode: Int32
  /// Whether a signal ended it, which only tests that send SIGKILL may see.
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

/// A `troupe` in its own process, started as a person would start it.
///
/// Not by Foundation's `Process`: on Linux it never closes the streams it was given, and with a few hundred of them
/// open its `run()` reads beyond the end of its list of /proc/self/fd, which crashes now and then.
final class TroupeProcess: Sendable {
  /// The program, which the package manager builds beside the tests.
  static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "troupe")

  private let command: [String]
  private let process: pid_t
  private let scratch: TemporaryFolder
  private let start = ContinuousClock.now
  /// The status that `waitpid` gave; nil until the process has ended.
  private let status = Mutex<Int32?>(nil)

  /// - Parameters:
  ///   - wrapper: a shell script that runs the program as `"$@"`, such as `ulimit -f 8; exec "$@"`.
  ///   - folder: the current directory.
  init(_ arguments: [String], wrapper: String? = nil, in folder: URL) throws {
    let program = [Self.executable.path] + arguments
    command = ["/usr/bin/env", "-C", folder.path] + (wrapper.map { ["/bin/sh", "-c", $0, "sh"] + program } ?? program)
    scratch = try TemporaryFolder()
    process = try Self.spawn(command, streams: scratch.url)
  }

  deinit {
    kill(SIGKILL)
    _ = reap(0)
  }

  var isRunning: Bool { reap(WNOHANG) == nil }
  var outputSoFar: String { Self.text(scratch.file("out")) }
  var errorsSoFar: String { Self.text(scratch.file("err")) }

  /// Sends a signal, if the process still runs.
  func kill(_ signal: Int32) { if isRunning { _ = Glibc.kill(process, signal) } }

  /// Waits for the end; a program that has not ended after `limit` seconds is killed, and the test fails.
  func wait(limit: Double = 120, _ location: SourceLocation = #_sourceLocation) -> TroupeResult {
    let end = ContinuousClock.now + .seconds(limit)
    while isRunning, ContinuousClock.now < end { usleep(1_000) }
    if isRunning {
      Issue.record("\(command) has not ended after \(limit) s", sourceLocation: location)
      kill(SIGKILL)
    }
    let status = reap(0) ?? 0
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let signal = status & 0x7F
    return TroupeResult(
      exitCode: signal == 0 ? status >> 8 & 0xFF : 128 + signal, diedOfSignal: signal != 0, output: outputSoFar,
      errors: errorsSoFar, seconds: seconds)
  }

  /// The status of the process, if it has ended.
  private func reap(_ options: Int32) -> Int32? {
    status.withLock { known in
      var status: Int32 = 0
      if known == nil, waitpid(process, &status, options) == process { known = status }
      return known
    }
  }

  /// Starts a command with its streams in files, not in pipes, which would have to be read while the program runs.
  private static func spawn(_ command: [String], streams: URL) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let isNew = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, streams.appending(path: "out").path, isNew, 0o644)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, streams.appending(path: "err").path, isNew, 0o644)
    var arguments = command.map { strdup($0) } + [nil]
    var environment = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in arguments + environment { free(string) } }
    var process = pid_t()
    let code = posix_spawn(&process, command[0], &actions, nil, &arguments, &environment)
    try #require(code == 0, "cannot start \(command[0]): \(String(cString: strerror(code)))")
    return process
  }

  private static func text(_ url: URL) -> String {
    String(decoding: (try? Data(contentsOf: url)) ?? Data(), as: UTF8.self)
  }
}
