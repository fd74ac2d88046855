import Foundation
import Testing

/// The answers to wrong command lines.
@Suite struct UsageTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

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

  @Test func namesOfOtherTrainersAreUnderstood() throws {
    try workspace.refuse("trian", "small.json", saying: ["trian", "did you mean \"train\"?"])
    try workspace.refuse("dataset", "ftech", "mnist", saying: ["ftech", "did you mean \"fetch\"?", "dataset --help"])
    try workspace.refuse("train", "small.json", "--epochs", "3", saying: ["--epochs", "--set training.duration="])
    try workspace.refuse("train", "small.json", "--device", "cpu", saying: ["--device", "--lanes"])
    try workspace.refuse(
      "describe", "small.json", "--set", "optimizer.lr=1", saying: ["did you mean \"learning_rate\"?"])
    try workspace.refuse(
      "describe", "small.json", "--set", "training.epochs=1", saying: ["did you mean \"duration\"?"])
  }

  @Test func remediesAreNamed() throws {
    for value in ["2024", "true"] {
      try workspace.refuse("describe", "small.json", "--set", "name=\(value)", saying: ["--set name='\"\(value)\"'"])
    }
    let data = #"data={"type":"idx","images":"Datasets/mnist/a.gz","labels":"Datasets/mnist/b.gz","batch_size":8}"#
    try workspace.refuse("describe", "small.json", "--set", data, saying: ["troupe dataset fetch mnist"])
    try workspace.refuse("describe", "small.json", "--set", "training.duration=5 steps", saying: ["--stop-after"])
    let crowded = try workspace.succeed("describe", "small.json", "--lanes", "256")
    #expect(crowded.errors.contains("256 lanes share"))
  }

  /// A shell leaves the `~` of `--run-dir=~/run` to the program.
  @Test func theHomeFolderHasOneReading() throws {
    let wrapper = "HOME=$PWD/home exec \"$@\""
    #expect(try workspace.troupe("train", "small.json", "--run-dir=~/run", wrapper: wrapper).exitCode == 0)
    #expect(workspace.exists("home/run/report.html"))
    for arguments in [["evaluate", "~/run"], ["verify", "~/run"], ["runs", "~"], ["report", "~/run"]] {
      let result = try TroupeProcess(arguments, wrapper: wrapper, in: workspace.url).wait()
      #expect(result.exitCode == 0, "\(arguments): \(result.errors)")
    }
    try workspace.refuse("evaluate", "~nobody/run", saying: ["~nobody/run"])
    #expect(!workspace.exists("~"))
  }

  @Test func aReaderThatGoesAwayIsNoError() throws {
    let result = try workspace.troupe("train", "small.json", wrapper: "\"$@\" | head -1; exit ${PIPESTATUS:-0}")
    #expect(result.outputLines.count == 1 && result.errors.isEmpty, "\(result.errors)")
    try workspace.waitUntil { workspace.exists("checkpoints/small/report.html") }
    #expect(try workspace.checkpointSteps("checkpoints/small").last == 60)
  }

  /// Swift repairs arguments that are not UTF-8, and might take a file for another.
  @Test func argumentsAreUTF8() throws {
    try workspace.write("a,b\n1,x\n2,y\n", "caf\u{FFFD}.csv")
    try workspace.refuse(
      "dataset", saying: ["argument 3", "UTF-8"], wrapper: #"exec "$1" dataset inspect "$(printf 'caf\351.csv')""#)
    try workspace.succeed("dataset", "inspect", "caf\u{FFFD}.csv")
  }
}
