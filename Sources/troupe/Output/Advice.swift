import ArgumentParser
import Configuration
import Data

/// Remedies that only the command line knows, added to messages of the parser and of the layers below.
enum Advice {
  /// Options of other trainers, and how to get the same here.
  private static let foreignOptions = [
    "--epochs": #"--set training.duration="10 epochs""#, "--steps": #"--set training.duration="500 steps""#,
    "--max-steps": #"--set training.duration="500 steps""#, "--lr": "--set optimizer.learning_rate=3e-4",
    "--learning-rate": "--set optimizer.learning_rate=3e-4", "--batch-size": "--set data.batch_size=64",
    "--seed": "--set seed=2", "--name": "--set name=other", "--optimizer": "--set optimizer.type=adamw",
    "--workers": "--lanes 2", "--threads": "--lanes 2", "--output-dir": "--run-dir FOLDER",
    "--device": "--lanes and --cores: every run computes on the processor",
    "--gpu": "--lanes and --cores: every run computes on the processor",
    "--cuda": "--lanes and --cores: every run computes on the processor",
  ]

  /// `, did you mean "train"?` where no command has the name; nil where all commands are known.
  static func unknownCommand(_ arguments: [String]) -> String? {
    var command: any ParsableCommand.Type = Troupe.self
    for argument in arguments {
      let configuration = command.configuration
      guard !configuration.subcommands.isEmpty, configuration.defaultSubcommand == nil, !argument.hasPrefix("-") else {
        return nil
      }
      let known = configuration.subcommands + [Help.self]
      guard let next = known.first(where: { $0._commandName == argument }) else {
        return "\(argument): unknown command" + NearestName.hint(argument, among: known.map { $0._commandName })
      }
      command = next
    }
    return nil
  }

  /// `; use --set …` where an option is that of another trainer.
  static func option(_ message: String) -> String {
    guard message.hasPrefix("Unknown option"), let name = message.split(separator: "'").dropFirst().first,
      let option = foreignOptions[String(name)]
    else { return "" }
    return "; use \(option)"
  }

  /// How a text that looks like a number is quoted for `--set`.
  static func quoting(_ error: ConfigurationError, _ overrides: [String]) -> String {
    guard error.message.contains("string") || error.message.contains("in quotes"),
      ["found a number", "found a boolean"].contains(where: error.message.contains),
      let text = overrides.last(where: { $0.hasPrefix(error.path + "=") })?.dropFirst(error.path.count + 1)
    else { return "" }
    return "; for the text, quote it twice: --set \(error.path)='\"\(text)\"'"
  }

  /// The command that downloads a missing file.
  static func fetching(_ message: String) -> String {
    guard message.contains("o such file"),
      let source = DatasetSource.all.first(where: { message.contains("Datasets/\($0.name)/") })
    else { return "" }
    return "; \"troupe dataset fetch \(source.name)\" downloads it"
  }

  /// The parser's own command, which it adds to every command that has subcommands.
  private struct Help: ParsableCommand {}
}
