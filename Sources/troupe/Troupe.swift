import ArgumentParser
import Formats
import Foundation
import Kernels
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
        troupe evaluate checkpoints/mlp-relu
        troupe predict checkpoints/mlp-relu digit.png
        troupe report checkpoints/mlp-sigmoid checkpoints/mlp-relu
        troupe sweep Configs/sweeps/depth-activation-norm.json --jobs 2

      Exit codes:
        0 done, 1 failed, 2 bad configuration or usage, 3 diverged,
        4 sweep with failed trials, 5 verification mismatch,
        75 paused by --stop-after, 130/143 stopped by SIGINT/SIGTERM after saving
        (128 + n by another signal n that asks to end, such as SIGHUP)
      """,
    version: "\(BuildInfo.text), \(OneDNN.version), \(HDF5Library.version)",
    groupedSubcommands: [
      CommandGroup(
        name: "Make a model", subcommands: [Describe.self, Train.self, SweepCommand.self, SchemaCommand.self]),
      CommandGroup(
        name: "Look at results",
        subcommands: [
          Runs.self, WatchCommand.self, ReportCommand.self, Evaluate.self, Probe.self, Visualize.self,
        ]),
      CommandGroup(name: "Use a model", subcommands: [Predict.self, Sample.self, Export.self]),
      CommandGroup(name: "Prepare data", subcommands: [DatasetCommand.self, TokenizerCommand.self]),
      CommandGroup(
        name: "Prove and measure", subcommands: [Verify.self, VerifyResume.self, Bisect.self, Benchmark.self]),
    ])

  static func main() async {
    HDF5Service.serveIfAsked()
    // A reader that goes away and a limit on file sizes are errors of a write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    SignalWatch.surviveFileSizeLimit()
    if let argument = ArgumentText.firstFlaw() {
      Output.complain("\(argument): expected UTF-8; rename a file whose name is in another encoding")
      Output.exit(ExitCode(2))
    }
    let arguments = withDefaultCommand(Array(CommandLine.arguments.dropFirst()))
    var command: any ParsableCommand
    do {
      command = try parseAsRoot(arguments)
    } catch {
      refuse(error, arguments)
    }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      Output.exit(.success)
    } catch let failure as CommandFailure {
      Output.complain(failure.message)
      Output.exit(failure.exitCode)
    } catch let code as ExitCode {
      Output.exit(code)
    } catch {
      if exitCode(for: error) == .success { help(error) }
      Output.complain(error.localizedDescription)
      Output.exit(.failure)
    }
  }

  /// Help on `sweep` becomes help on its default subcommand, whose options the parser would leave out.
  private static func withDefaultCommand(_ arguments: [String]) -> [String] {
    let helpOnSweep = [["sweep", "--help"], ["sweep", "-h"], ["help", "sweep"]]
    return helpOnSweep.contains(arguments) ? ["sweep", "train", "--help"] : arguments
  }

  /// Ends with the parser's answer: help and version with 0, wrong use with one line and 2.
  private static func refuse(_ error: any Error, _ arguments: [String]) -> Never {
    if exitCode(for: error) == .success { help(error) }
    let message = Advice.unknownCommand(arguments) ?? message(for: error) + Advice.option(message(for: error))
    // The parser's own hint names the command whose use was wrong: "See 'troupe train --help' for more information."
    let hint = fullMessage(for: error).split(separator: "\n").last { $0.contains("--help'") }?.split(separator: "'")
    Output.complain("\(message); see \(hint?.dropFirst().first ?? "troupe --help")")
    Output.exit(ExitCode(2))
  }

  /// Ends with the help or the version that `error` stands for.
  private static func help(_ error: any Error) -> Never {
    let columns = ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }
    let text = HelpText.arranged(
      fullMessage(for: error), columns: columns ?? TerminalScreen(.standardOutput).columns)
    Output.write(text.trimmingCharacters(in: .newlines) + "\n", to: .standardOutput)
    Output.exit(.success)
  }
}
