import ArgumentParser
import Pipeline

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
        troupe report checkpoints/mlp-sigmoid checkpoints/mlp-relu

      Exit codes: 0 done, 1 failed, 2 bad configuration or usage, 3 diverged, 5 verification mismatch,
      75 stopped and resumable, 130/143 stopped by SIGINT/SIGTERM after saving a checkpoint.
      """,
    version: "troupe \(BuildInfo.version)",
    subcommands: [
      Train.self, Describe.self, Evaluate.self, ReportCommand.self, Verify.self, VerifyResume.self, Benchmark.self,
      Export.self, DatasetCommand.self, SchemaCommand.self,
    ])

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let failure as CommandFailure {
      Output.complain(failure.message)
      exit(withError: failure.exitCode)
    } catch {
      // Help and version leave with 0; everything else the parser throws is a wrong use.
      let code = exitCode(for: error)
      if code == .success { exit(withError: error) }
      Output.note(fullMessage(for: error))
      exit(withError: ExitCode(2))
    }
  }
}
