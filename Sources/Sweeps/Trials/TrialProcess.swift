import CPlatform
import Configuration
import Files
import Foundation
import JSON
import Metrics
import Runs
import Subprocess
import SystemPackage

/// One attempt to train a trial to a rung, in a process of its own: `troupe train` on a share of the cores.
struct TrialProcess: Sendable {
  /// The path of the training program.
  let program: String
  let folder: URL
  let configuration: TrialConfiguration
  /// The training before the pause; nil to train to the end.
  let rung: TrainingDuration?
  let cores: [Int]
  /// The longest time of the process in seconds.
  let timeCap: Double?

  enum Outcome: Sendable {
    case result(TrialResult)
    /// The trial was asked to stop, and has saved.
    case stopped
  }

  static let outputName = "trial.out"
  static let errorName = "trial.err"
  static let configurationName = "trial.json"

  /// A process is polled after every 200th part of its time, so that a trial's end is noticed soon.
  private static let pollsPerTrial = 200
  private static let shortestPoll = Duration.milliseconds(5)
  private static let longestPoll = Duration.milliseconds(200)
  /// A folder that is locked for longer is reported.
  private static let patience = Duration.seconds(1)
  /// The time to stop on request, before the process is killed.
  private static let grace = Duration.seconds(120)
  private static let complaint = "troupe: error: "

  /// - Parameters:
  ///   - say: receives progress messages.
  ///   - shouldStop: whether the trial should save and stop now.
  func run(say: (String) -> Void, shouldStop: @escaping @Sendable () -> Bool) async throws -> Outcome {
    try SweepFolder.makeFolder(folder)
    guard await waitForLock(say, shouldStop) else { return .stopped }
    let file = folder.appending(path: Self.configurationName)
    try SweepFolder(folder).write(configuration.json.prettyText + "\n", to: file)
    let output = try Stream(folder.appending(path: Self.outputName))
    let errors = try Stream(folder.appending(path: Self.errorName))
    // The child saves and stops when the writing end is closed, so it does not outlive this process.
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
      // Ctrl-C goes to the sweep alone, which stops its trials.
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
              // No signal: a child that received one together with this process would take it for the second,
              // and end in the middle of its save.
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
    // The complaint may have found no room either.
    if result.state == .failed, !result.isOfFullDisk, !hasRoom {
      result.reason = "\(result.reason ?? "failed") on a full disk: \(Errno.noSpace)"
    }
    result.seconds = (ContinuousClock.now - start) / .seconds(1)
    if isLate, !result.state.isGood {
      result.state = .timedOut
      result.reason = "took longer than trial_time_cap"
    }
    // A stopped trial has saved; one that ended before the request counts. A signal to all processes may have ended the
    // child before the request.
    if askedAt != nil || shouldStop(), !isLate, !result.state.isGood, result.state != .diverged { return .stopped }
    return .result(result)
  }

  /// Whether a message at least can be written into the folder.
  private var hasRoom: Bool {
    let free = try? FileSystemCalls.real.freeSpace(in: folder.path)
    return free.map { $0 >= Self.leastSpace } ?? true
  }

  private static let leastSpace = 1 << 16

  private func arguments(_ file: URL) -> [String] {
    var arguments = ["train", file.path, "--run-dir", folder.path, "--json", "--stop-at-end-of-input"]
    if !cores.isEmpty { arguments += ["--cores", cores.map(String.init).joined(separator: ",")] }
    if RunFolder.holdsRun(folder) { arguments.append("--resume") }
    if let rung { arguments += ["--stop-after", rung.description] }
    return arguments
  }

  /// Waits for the trial of a killed sweep, which saves before it unlocks its folder.
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

  /// Whether a child has not ended yet. Its exit status stays with the system for `Subprocess`.
  private static func isRunning(_ process: pid_t) -> Bool {
    var information = siginfo_t()
    let status = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
    return status == 0 && information._sifields._sigchld.si_pid == 0
  }

  /// The result that follows from an exit code and the two streams.
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
      result.reason = "ended without an error and without a result"
    }
    return result
  }
}

/// A file to which a child's stream is appended.
private final class Stream: Sendable {
  /// Closed once the child has started.
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
