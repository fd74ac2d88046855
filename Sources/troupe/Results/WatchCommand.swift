import ArgumentParser
import Foundation
import JSON
import Runs
import Watch

struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Follow runs and sweeps: a page on 127.0.0.1, or lines on the terminal.",
    discussion: """
      Examples:
        troupe watch
        troupe watch checkpoints/mlp-relu --port 8080
        troupe watch checkpoints/mlp-relu --terminal
        troupe watch checkpoints/depth-activation-norm

      Shows the runs in and below the folder during training and afterwards, and new
      ones as they begin: loss, gradients of every layer, stages, samples. Of a
      sweep: its progress, its ranking, and the runs of its trials. Only this
      machine can see the page. Ctrl-C ends it and disturbs no run. Where the output
      is no terminal, --terminal prints the state once and ends.
      """)

  @Argument(
    help: "A run folder, or one with runs in or below it, such as a sweep's.", completion: .directory,
    transform: expandingTilde)
  var folder = "checkpoints"

  @Option(help: "The port of the page; 0 for any free one.")
  var port = 8642

  @Flag(help: "Draw on the terminal instead.")
  var terminal = false

  @OptionGroup var json: JSONOption

  func validate() throws {
    try require((0...65_535).contains(port), "--port \(port)", "0 to 65535")
    if terminal { try refuse([("--json", json.json)], "with --terminal") }
  }

  func run() async throws {
    try await reportingFailures {
      let runs = WatchedRuns(try FolderOfRuns(folder).url)
      if terminal { return await draw(runs) }
      let (server, port, folder, output) = (WatchServer(runs), UInt16(port), folder, json.output)
      let serving = Task {
        try await server.serve(port: port) { address in
          output.say("watching \(folder) at \(address) (Ctrl-C ends it)")
          output.result(.object([("folder", .string(folder)), ("address", .string("\(address)"))]))
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
    let screen = TerminalScreen(.standardOutput)
    guard screen.isTerminal else {
      for line in await TerminalView(columns: 100, rows: 60).lines(of: runs) { json.output.say(line) }
      return
    }
    screen.write(Self.clear)
    while !Task.isCancelled {
      let view = TerminalView(columns: screen.columns, rows: screen.rows - 1)
      let text = await view.lines(of: runs).map { $0.escaped() + Self.eraseRest + "\n" }.joined()
      screen.write(Self.home + text + Self.eraseBelow)
      try? await Task.sleep(for: Self.pause)
    }
  }
}
