import Foundation
import Testing

/// How the program answers to wrong and to curious command lines.
@Suite struct UsageTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  static let commands = [
    ["train"], ["describe"], ["evaluate"], ["predict"], ["visualize", "filters"], ["visualize", "features"], ["report"],
    ["verify"], ["verify-resume"], ["benchmark"], ["probe"], ["export"], ["dataset", "fetch"], ["dataset", "make"],
    ["dataset", "inspect"], ["dataset", "preview"], ["tokenizer"], ["tokenizer", "train"], ["tokenizer", "encode"],
    ["tokenizer", "decode"], ["tokenizer", "inspect"], ["schema"], ["sweep"],
    ["sweep", "report"], [],
  ]

  @Test(arguments: commands) func helpHasExamples(command: [String]) throws {
    let result = try TroupeProcess(command + ["--help"], in: workspace.url).wait()
    #expect(result.exitCode == 0 && result.errors.isEmpty)
    #expect(result.output.contains("Example"), "\(result.output)")
    #expect(result.output.contains((["  troupe"] + command).joined(separator: " ")), "\(result.output)")
  }

  @Test func exitCodesAreDocumented() throws {
    let help = try workspace.succeed("--help").output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for code in ["0 done", "1 failed", "2 bad", "3 diverged", "4 sweep", "5 verification", "75 paused", "130/143"] {
      #expect(help.contains(code))
    }
    #expect(try workspace.succeed("--version").output.hasPrefix("troupe "))
  }

  @Test func wrongUseIsOneLine() throws {
    try workspace.refuse("tran", saying: ["tran", "--help"])
    try workspace.refuse("train", saying: ["<config>", "train --help"])
    try workspace.refuse("train", "small.json", "--lane", "2", saying: ["--lane"])
    try workspace.refuse("train", "small.json", "--lanes", "0", saying: ["--lanes 0", "1 to 256"])
    try workspace.refuse("train", "small.json", "--lanes", "many", saying: ["many", "--lanes"])
    try workspace.refuse("train", "small.json", "more.json", saying: ["more.json"])
    try workspace.refuse("describe", "small.json", "--set", "model.width", saying: ["--set model.width", "key=value"])
    try workspace.refuse("describe", "small.json", "--set", "=3", saying: ["--set =3", "key=value"])
    try workspace.refuse("dataset", "mak", saying: ["mak"])
    try workspace.refuse("dataset", "make", "letters", "x", saying: ["letters", "glyphs"])
    try workspace.refuse("dataset", "fetch", "imagenet", saying: ["imagenet", "mnist"])
    try workspace.refuse("dataset", "fetch", "mnist", "--from", "file:///tmp", saying: ["file:///tmp", "http"])
    try workspace.refuse("dataset", "fetch", "mnist", "--into", ".", saying: ["no folder of that name", "--into"])
    #expect(!workspace.exists("checkpoints"))
  }

  @Test func aReaderThatGoesAwayIsNoError() throws {
    let result = try workspace.troupe("train", "small.json", wrapper: "\"$@\" | head -1; exit ${PIPESTATUS:-0}")
    #expect(result.outputLines.count == 1 && result.errors.isEmpty, "\(result.errors)")
    try workspace.waitUntil { workspace.exists("checkpoints/small/report.html") }
    #expect(try workspace.checkpointSteps("checkpoints/small").last == 60)
  }
}
