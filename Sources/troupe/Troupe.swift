import ArgumentParser
import Foundation
import JSON
import Runs

/// The command line: parsing and printing only.
@main
struct Troupe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "troupe",
    abstract: "Trains neural networks from a JSON file.",
    discussion: """
      Examples:
        troupe train Configs/mlp-relu.json
        troupe train Configs/mlp-relu.json --set optimizer.learning_rate=3e-4 --run-dir checkpoints/faster
        troupe train Configs/mlp-relu.json --resume
        troupe describe Configs/mlp-relu.json
        troupe evaluate checkpoints/mlp-relu
        troupe predict checkpoints/mlp-relu digit.png
        troupe sample checkpoints/gpt-shakespeare --prompt "ROMEO:"
        troupe report checkpoints/mlp-sigmoid checkpoints/mlp-relu
        troupe runs checkpoints
        troupe probe checkpoints/transformer checkpoints/lstm
        troupe sweep Configs/sweeps/depth-activation-norm.json --jobs 2

      Exit codes: 0 done, 1 failed, 2 bad configuration or usage, 3 diverged, 4 sweep with failed trials,
      5 verification mismatch, 75 paused by --stop-after, 130/143 stopped by SIGINT/SIGTERM after saving a checkpoint.
      """,
    version: "troupe \(BuildInfo.version)",
    subcommands: [
      Train.self, Runs.self, Bisect.self, WatchCommand.self,
      Describe.self, Evaluate.self, Predict.self, Sample.self, Visualize.self, ReportCommand.self,
      Verify.self, VerifyResume.self, Benchmark.self, Probe.self, Export.self, DatasetCommand.self,
      TokenizerCommand.self, SweepCommand.self,
      SchemaCommand.self,
    ])

  static func main() async {
    // A reader that goes away and a limit on file sizes are errors of a write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    var command: any ParsableCommand
    do {
      command = try parseAsRoot()
    } catch {
      refuse(error)
    }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let failure as CommandFailure {
      Output.complain(failure.message)
      exit(withError: failure.exitCode)
    } catch let code as ExitCode {
      exit(withError: code)
    } catch {
      if exitCode(for: error) == .success { exit(withError: error) }
      Output.complain(error.localizedDescription)
      exit(withError: ExitCode.failure)
    }
  }

  /// Ends with what the parser has to say: help and versions with 0, everything else as a wrong use in one line.
  private static func refuse(_ error: any Error) -> Never {
    if exitCode(for: error) == .success { exit(withError: error) }
    // The parser's own hint names the command whose use was wrong: "See 'troupe train --help' for more information."
    let hint = fullMessage(for: error).split(separator: "\n").last { $0.contains("--help'") }?.split(separator: "'")
    Output.complain(message(for: error) + "; see \(hint?.dropFirst().first ?? "troupe --help")")
    exit(withError: ExitCode(2))
  }
}
