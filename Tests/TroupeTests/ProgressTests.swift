import Foundation
import Testing

/// The progress of a run on a terminal and in a file.
@Suite struct ProgressTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  @Test func aFileGetsPlainLinesNowAndThen() throws {
    let result = try workspace.succeed("train", "small.json", "--set", "training.duration=10000 steps")
    let lines = result.outputLines.filter { $0.contains(" step ") && $0.contains("/10000") }
    #expect(!lines.isEmpty && Double(lines.count) <= 3 + result.seconds / 5, "\(lines)")
    #expect(lines.last?.contains("100%  step 10000/10000") == true)
    #expect(lines.allSatisfy { $0.contains("loss ") && $0.contains("samples/s") })
    #expect(!result.output.contains("\r") && !result.output.contains("\u{1B}"))
  }

  private static let hasScript = FileManager.default.isExecutableFile(atPath: "/usr/bin/script")

  @Test(.enabled(if: hasScript, "script(1) is not here"), arguments: [100, 50, 20])
  func aTerminalGetsALineThatIsRedrawn(columns: Int) throws {
    try workspace.write(smallConfiguration.replacing("4 epochs", with: "10000 steps"), "long.json")
    let result = try workspace.troupe(
      "train", "long.json", wrapper: "export TERM=xterm; exec script -qec \"stty cols \(columns); $*\" /dev/null")
    #expect(result.exitCode == 0, "\(result.output)")
    let drawn = result.output.components(separatedBy: "\r\u{1B}[K").dropFirst()
      .map { $0.prefix { !$0.isNewline } }.filter { $0.contains("loss ") && !$0.contains("validation") }
    #expect(drawn.count >= 2)
    #expect(drawn.allSatisfy { $0.count < columns }, "\(drawn)")
    if columns == 100 {
      for word in ["█", "ETA ", "samples/s", "lr "] { #expect(drawn.contains { $0.contains(word) }, "\(word)") }
      #expect(drawn.last?.contains("10000/10000") == true)
    }
  }

  @Test(.enabled(if: hasScript, "script(1) is not here")) func aPausedRunShowsItsLastStep() throws {
    let result = try workspace.troupe(
      "train", "small.json", "--stop-after", "37 steps",
      wrapper: "export TERM=xterm; exec script -qec \"stty cols 100; $1 $2 $3 $4 '$5'\" /dev/null")
    #expect(result.exitCode == 75, "\(result.output)")
    let drawn = result.output.components(separatedBy: "\r\u{1B}[K").filter { $0.contains("/60  ") }
    #expect(drawn.last?.contains("step 37/60") == true, "\(drawn)")
  }
}
