import ArgumentParser
import Foundation
import Runs
import Watch

struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Follow runs and sweeps as they go: a page on 127.0.0.1, or lines on the terminal.",
    discussion: """
      Examples:
        troupe watch checkpoints/mlp-relu
        troupe watch checkpoints --port 8080
        troupe watch checkpoints/mlp-relu --terminal
        troupe watch checkpoints/depth-activation-norm

      Shows the runs in and below the folder while they train and afterwards, and new ones as they begin: loss, gradients of
      every layer, stages, samples. Of a sweep: how far it is, its ranking, and each of its trials' runs. Only this machine
      can see the page. Ctrl-C ends it; no run takes notice. Where the output is no terminal, --terminal prints one look
      and ends.
      """)

  @Argument(help: "A run folder, or one with runs in or below it, such as a sweep's.", completion: .directory)
  var folder = "checkpoints"

  @Option(help: "Where the page is; 0 for any port that is free.")
  var port = 8642

  @Flag(help: "Draw on the terminal instead.")
  var terminal = false

  func validate() throws {
    if !(0...65_535).contains(port) { throw ValidationError("--port \(port): expected 0 to 65535") }
  }

  func run() async throws {
    try await reportingFailures {
      let runs = WatchedRuns(try FolderOfRuns(folder).url)
      if terminal { return await draw(runs) }
      let (server, port, folder) = (WatchServer(runs), UInt16(port), folder)
      let serving = Task {
        try await server.serve(port: port) { address in
          Output.write("watching \(folder) at \(address) (Ctrl-C ends it)\n", to: .standardOutput)
        }
      }
      let signals = SignalWatch(StopRequest()) { _ in serving.cancel() }
      defer { withExtendedLifetime(signals) {} }
      do {
        try await serving.value
      } catch {
        throw CommandFailure("\(error)")
      }
    }
  }

  private static let pause = Duration.seconds(1)
  private static let home = "\u{1B}[H"
  private static let eraseRest = "\u{1B}[K"
  private static let eraseBelow = "\u{1B}[J"
  private static let clear = "\u{1B}[2J"

  private func draw(_ runs: WatchedRuns) async {
    guard isatty(STDOUT_FILENO) == 1 else {
      for line in await TerminalView(columns: 100, rows: 60).lines(of: runs) {
        Output.write(line + "\n", to: .standardOutput)
      }
      return
    }
    Output.write(Self.clear, to: .standardOutput)
    while !Task.isCancelled {
      var size = winsize()
      _ = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
      let view = TerminalView(
        columns: size.ws_col > 0 ? Int(size.ws_col) : 80, rows: size.ws_row > 1 ? Int(size.ws_row) - 1 : 24)
      let text = await view.lines(of: runs).map { $0 + Self.eraseRest + "\n" }.joined()
      Output.write(Self.home + text + Self.eraseBelow, to: .standardOutput)
      try? await Task.sleep(for: Self.pause)
    }
  }
}
