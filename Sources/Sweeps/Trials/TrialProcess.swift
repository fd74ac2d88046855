import CPlatform
import Configuration
import Files
import Foundation
import JSON
import Metrics
import Runs
import Subprocess

/// One attempt to bring a trial to a rung, in a process of its own: `troupe train` on a share of the cores.
struct TrialProcess: Sendable {
  /// The program that trains.
  let program: String
  let folder: URL
  let configuration: TrialConfiguration
  /// Where the trial is paused; nil where it is trained to its end.
  let rung: TrainingDuration?
  let cores: [Int]
  /// Seconds that the process may take.
  let timeCap: Double?

  enum Outcome: Sendable {
    case result(TrialResult)
    /// It was asked to stop, and has saved.
    case stopped
  }

  static let outputName = "trial.out"
  static let errorName = "trial.err"
  static let configurationName = "trial.json"

  /// How often a process is looked at: after every 200th part of its time, so that a trial's end costs little beyond it.
  private static let pollsPerTrial = 200
  private static let shortestPoll = Duration.milliseconds(5)
  private static let longestPoll = Duration.milliseconds(200)
  /// A folder that is held for longer is worth a word.
  private static let patience = Duration.seconds(1)
  /// A process that was asked to stop and has not after so long is killed.
  private static let grace = Duration.seconds(120)
  private static let complaint = "troupe: error: "

  /// - Parameters:
  ///   - say: told what a person may wonder about.
  ///   - shouldStop: whether the trial is to save and stop now.
  func run(say: (String) -> Void, shouldStop: @escaping @Sendable () -> Bool) async throws -> Outcome {
    try SweepFolder.makeFolder(folder)
    guard await waitForLock(say, shouldStop) else { return .stopped }
    let file = folder.appending(path: Self.configurationName)
    try SweepFolder(folder).write(configuration.json.prettyText + "\n", to: file)
    let output = try Stream(folder.appending(path: Self.outputName))
    let errors = try Stream(folder.appending(path: Self.errorName))
    // The child saves and stops when the writing end is closed: it does not outlive this process, however that ends.
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else {
      throw RunError("cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    let reading = ends[0]
    var writing = ends[1]
    defer { if writing >= 0 { close(writing) } }

    let start = ContinuousClock.now
    var askedAt: ContinuousClock.Instant?
    var isLate = false
    let status: TerminationStatus
    do {
      var options = PlatformOptions()
      // Ctrl-C is for the sweep, which passes it on.
      options.processGroupID = 0
      let result = try await Subprocess.run(
        .path(.init(program)), arguments: Arguments(arguments(file)), platformOptions: options,
        input: .fileDescriptor(.init(rawValue: reading), closeAfterSpawningProcess: true),
        output: .fileDescriptor(.init(rawValue: output.writing), closeAfterSpawningProcess: true),
        error: .fileDescriptor(.init(rawValue: errors.writing), closeAfterSpawningProcess: true)
      ) { execution in
        let process = pid_t(execution.processIdentifier.value)
        while Self.isRunning(process) {
          if let askedAt {
            if ContinuousClock.now - askedAt > Self.grace { kill(process, SIGKILL) }
          } else {
            isLate = timeCap.map { ContinuousClock.now - start > .seconds($0) } ?? false
            if isLate || shouldStop() {
              askedAt = .now
              // No signal: to a child that has had one already, from whoever sent this process its own, it would be
              // the second, which ends it in the middle of its save.
              close(writing)
              writing = -1
            }
          }
          try? await Task.sleep(for: Self.pollInterval(since: start))
        }
      }
      status = result.terminationStatus
    } catch let error as RunError {
      throw error
    } catch {
      throw RunError("cannot start \(program): \(error)")
    }
    var result = judge(status, output.text, errors.text)
    result.seconds = (ContinuousClock.now - start) / .seconds(1)
    if isLate, !result.state.isGood {
      result.state = .timedOut
      result.reason = "took longer than trial_time_cap"
    }
    // What was stopped has saved; what had come to its end before it heard of it counts. A signal to all processes may
    // have ended the child before it was asked.
    if askedAt != nil || shouldStop(), !isLate, !result.state.isGood, result.state != .diverged { return .stopped }
    return .result(result)
  }

  private func arguments(_ file: URL) -> [String] {
    var arguments = ["train", file.path, "--run-dir", folder.path, "--json", "--stop-at-end-of-input"]
    if !cores.isEmpty { arguments += ["--cores", cores.map(String.init).joined(separator: ",")] }
    if RunFolder.holdsRun(folder) { arguments.append("--resume") }
    if let rung { arguments += ["--stop-after", rung.description] }
    return arguments
  }

  /// A trial of a sweep that was killed saves itself before it lets go of its folder, however long that takes.
  ///
  /// - Returns: false where this process was asked to stop meanwhile.
  private func waitForLock(_ say: (String) -> Void, _ shouldStop: @Sendable () -> Bool) async -> Bool {
    let lock = folder.appending(path: RunFiles.lock)
    let start = ContinuousClock.now
    var hasSaid = false
    while FileLock.isHeld(lock) {
      if shouldStop() { return false }
      if !hasSaid, ContinuousClock.now - start > Self.patience {
        say("waits for the process that still holds \(folder.relativePath)")
        hasSaid = true
      }
      try? await Task.sleep(for: Self.pollInterval(since: start))
    }
    return true
  }

  private static func pollInterval(since start: ContinuousClock.Instant) -> Duration {
    min(max((ContinuousClock.now - start) / pollsPerTrial, shortestPoll), longestPoll)
  }

  /// Whether a child has not ended yet; it is left for the one who waits for it.
  private static func isRunning(_ process: pid_t) -> Bool {
    var information = siginfo_t()
    let status = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
    return status == 0 && information._sifields._sigchld.si_pid == 0
  }

  /// What an exit code and the two streams come to.
  private func judge(_ status: TerminationStatus, _ output: String, _ errors: String) -> TrialResult {
    let last = output.split(separator: "\n").last.map(String.init) ?? ""
    let json = (try? JSONParser.parse(last, file: Self.outputName)) ?? .object([])
    let complaint = errors.split(separator: "\n").last { $0.hasPrefix(Self.complaint) }
      .map { String($0.dropFirst(Self.complaint.count)) }
    var result = TrialResult(
      state: .failed, metrics: TrialResult.metrics(of: json), step: json["step"]?.count ?? 0,
      digest: json["parameters_digest"]?.string, gradientFlow: json["gradient_flow"]?.string, reason: complaint)
    switch status {
    case .exited(0): result.state = .finished
    case .exited(75): result.state = .paused
    case .exited(2): result.state = .refused
    case .exited(3): result.state = .diverged
    case .exited(let code) where code > 128:
      result.state = .killed
      result.reason = "stopped by signal \(code - 128) from outside"
    case .exited(let code): result.reason = complaint ?? "ended with exit code \(code)"
    case .signaled(let signal):
      result.state = .killed
      result.reason = "killed by signal \(signal)"
    }
    if result.state.isGood, json["step"] == nil {
      result.state = .failed
      result.reason = "ended well, but did not say with what"
    }
    return result
  }
}

/// A file that a child's stream is appended to, and what the child has written.
private final class Stream: Sendable {
  /// Closed when the child has been started.
  let writing: Int32
  private let file: OpenFile
  private let start: Int

  private static let longest = 1 << 20

  init(_ url: URL) throws(RunError) {
    let calls = FileSystemCalls.real
    do throws(FileError) {
      let file = try calls.openToAppend(url.path)
      start = try calls.size(of: file)
      writing = try calls.duplicate(file)
      self.file = file
    } catch {
      throw RunError(error)
    }
  }

  /// The end of what the child has written; still readable where the file's name has gone.
  var text: String {
    let calls = FileSystemCalls.real
    guard let size = try? calls.size(of: file), size > start,
      let bytes = try? calls.bytes(of: file, in: max(start, size - Self.longest)..<size)
    else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
