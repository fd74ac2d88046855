import Foundation
import JSON
import Testing

/// The help of every command, at the width of a small terminal.
@Suite struct HelpTests {
  let workspace: Workspace

  init() throws { workspace = try Workspace() }

  private static let columns = 80

  /// The words of every command after `troupe`, from the program's own list, and whether it has subcommands.
  private func commands() throws -> [(words: [String], hasSubcommands: Bool)] {
    func list(_ command: JSON, _ words: [String]) -> [(words: [String], hasSubcommands: Bool)] {
      let subcommands = (command["subcommands"]?.array ?? []).filter { $0["commandName"]?.string != "help" }
      return [(words, !subcommands.isEmpty)]
        + subcommands.flatMap { list($0, words + [$0["commandName"]?.string ?? ""]) }
    }
    let text = try workspace.succeed("--experimental-dump-help").output
    let root = try #require(try JSONParser.parse(text, file: "help")["command"])
    // `sweep` shows the help of `sweep train`.
    return list(root, []).filter { $0.words != ["sweep", "train"] }
  }

  private func help(_ words: [String]) throws -> [String] {
    let wrapper = "COLUMNS=\(Self.columns) exec \"$@\""
    let result = try TroupeProcess(words + ["--help"], wrapper: wrapper, in: workspace.url).wait()
    #expect(result.exitCode == 0 && result.errors.isEmpty, "\(words): \(result.errors)")
    return result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test func everyCommandHasWholeExamplesAndItsOwnOptions() throws {
    let commands = try commands()
    #expect(commands.count > 25)
    let helps = try commands.map { try help($0.words) }
    for (command, lines) in zip(commands, helps) {
      let name = "troupe " + command.words.joined(separator: " ")
      for line in lines { #expect(line.count <= Self.columns, "\(name): \(line)") }
      let examples = lines.indices.filter { lines[$0].hasPrefix("  troupe ") }
      #expect(examples.contains { lines[$0].hasPrefix("  " + name) }, "\(name)")
      for example in examples {
        // The rest of a wrapped line would begin in the first column.
        let next = lines[example + 1]
        #expect(next.isEmpty || next.hasPrefix("  "), "\(name): \(lines[example]) / \(next)")
        // An example names no option that its command lacks.
        let words = lines[example].split(separator: " ").dropFirst().map(String.init)
        let match = commands.indices.filter { words.starts(with: commands[$0].words) }
          .max { commands[$0].words.count < commands[$1].words.count }
        for option in words where option.hasPrefix("--") {
          #expect(helps[try #require(match)].contains { $0.contains(option) }, "\(lines[example])")
        }
      }
      if !command.hasSubcommands || command.words == ["sweep"] {
        #expect(lines.contains { $0.contains("--json ") }, "\(name)")
      }
    }
  }

  @Test func commandsAreGroupedByPurpose() throws {
    let lines = try help([])
    let groups = ["MAKE A MODEL:", "LOOK AT RESULTS:", "USE A MODEL:", "PREPARE DATA:", "PROVE AND MEASURE:"]
    #expect(lines.filter(groups.contains) == groups)
    #expect(!lines.contains { $0.hasSuffix("SUBCOMMANDS:") })
  }

  @Test(arguments: [["sweep", "--help"], ["sweep", "-h"], ["help", "sweep"]])
  func sweepShowsItsOptions(arguments: [String]) throws {
    let help = try TroupeProcess(arguments, in: workspace.url).wait().output
    for word in ["--jobs", "--resume", "--dry-run", "troupe sweep report <folder>"] {
      #expect(help.contains(word), "\(help)")
    }
  }

  @Test func exitCodesAreDocumented() throws {
    let help = try workspace.succeed("--help").output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for code in ["0 done", "1 failed", "2 bad", "3 diverged", "4 sweep", "5 verification", "75 paused", "130/143"] {
      #expect(help.contains(code))
    }
    #expect(try workspace.succeed("--version").output.hasPrefix("troupe "))
  }
}
