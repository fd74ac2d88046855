import Foundation
import JSON
import Testing

/// `troupe bisect` names intended differences.
@Suite struct BisectTests {
  let workspace: Workspace

  init() throws {
    workspace = try .withSmallConfiguration()
    try train("a")
  }

  private func train(_ run: String, _ changes: String..., location: SourceLocation = #_sourceLocation) throws {
    try train(run, changes, location)
  }

  private func train(_ run: String, _ changes: [String], _ location: SourceLocation = #_sourceLocation) throws {
    let arguments = ["train", "small.json", "--run-dir", run] + changes
    let result = try TroupeProcess(arguments, in: workspace.url).wait(location)
    #expect(result.exitCode == 0, "\(result.errors)", sourceLocation: location)
  }

  private func bisect(_ first: String, _ second: String) throws -> JSON {
    try workspace.succeed("bisect", first, second, "--json").json()
  }

  @Test func equalRunsDoNotDiffer() throws {
    try train("b", "--lanes", "3")
    let json = try bisect("a", "b")
    #expect(json["verdict"]?.string == "never_part" && json["part"]?.boolean == false)
    #expect(json["last_step"]?.integer == 60 && json["common_checkpoint"]?.integer == 60)
    #expect(try workspace.succeed("bisect", "a", "b").output.hasPrefix("the runs do not differ: the records of all 60"))
  }

  @Test func aRateShowsInTheUpdate() throws {
    try train("b", "--set", "optimizer.learning_rate=0.02")
    let json = try bisect("a", "b")
    #expect(json["step"]?.integer == 1 && json["pass"]?.string == "update", "\(json.compactText)")
    #expect(json["layer"]?.string == "hidden.0" && json["tensor"]?.string == "hidden.0.weight")
    #expect(json["largest_difference"]?.double ?? 0 > 0)
    #expect(json["records"]?["quantity"]?.string == "learning rate")
    let settings = try #require(json["settings"]?.members)
    #expect(settings.map(\.key) == ["optimizer.learning_rate"])
    let text = try workspace.succeed("bisect", "a", "b").output
    #expect(text.contains("the runs first differ at step 1 in the update: layer hidden.0, tensor hidden.0.weight, by "))
    #expect(text.contains("settings: optimizer.learning_rate 0.01 → 0.02"))
  }

  @Test func dropoutShowsInTheForwardPass() throws {
    try train("b", "--set", "model.dropout=0.2")
    let json = try bisect("a", "b")
    #expect(json["step"]?.integer == 1 && json["pass"]?.string == "forward", "\(json.compactText)")
    #expect(json["layer"]?.string?.contains("dropout") == true, "\(json.compactText)")
    #expect(json["micro_batch"]?.integer == 0)
  }

  @Test func seedsShowBeforeTheFirstStep() throws {
    try train("b", "--set", "seed=8")
    let json = try bisect("a", "b")
    #expect(json["step"]?.integer == 0 && json["pass"]?.string == "start", "\(json.compactText)")
    #expect(try workspace.succeed("bisect", "a", "b").output.contains("differ before their first step"))
  }

  @Test func otherModelsCannotBeCompared() throws {
    try train("b", "--set", "model.width=12")
    let json = try bisect("a", "b")
    #expect(json["verdict"]?.string == "incomparable")
    #expect(json["reason"]?.string?.contains("model.width is 16 in the first and 12 in the second") == true)
    try workspace.refuse("bisect", "a", "nowhere", saying: ["nowhere"])
    try workspace.refuse("bisect", "a", saying: ["Missing expected argument"])
  }

  /// Both continue from the same checkpoint, one of them with another rate: the search begins there.
  @Test func theSearchBeginsAtTheLastCommonCheckpoint() throws {
    // A schedule that ends at another step has another rate from the next step on.
    let schedule = ["--set", #"schedule={"type":"linear"}"#, "--set"]
    try train("c", schedule + [#"training.duration="45 steps""#])
    try FileManager.default.copyItem(at: workspace.file("c"), to: workspace.file("d"))
    try train("c", schedule + [#"training.duration="60 steps""#, "--resume"])
    try train("d", schedule + [#"training.duration="50 steps""#, "--resume"])
    let json = try bisect("c", "d")
    #expect(json["common_checkpoint"]?.integer == 45 && json["records"]?["step"]?.integer == 46)
    #expect(json["step"]?.integer == 46 && json["pass"]?.string == "update", "\(json.compactText)")
    #expect(json["played_steps"]?.integer == 1)
  }

  /// A record that its own configuration does not reproduce is not taken for a difference of configurations.
  @Test func recordsThatAreNotReproducedAreReported() throws {
    try FileManager.default.copyItem(at: workspace.file("a"), to: workspace.file("forged"))
    var lines = try workspace.text("forged/metrics.jsonl").split(separator: "\n").map(String.init)
    let place = try #require(lines.firstIndex { $0.hasPrefix(#"{"kind":"step","step":30,"#) })
    lines[place] = lines[place].replacing(#""loss":"#, with: #""loss":1"#)
    try workspace.write(lines.joined(separator: "\n") + "\n", "forged/metrics.jsonl")
    let json = try bisect("a", "forged")
    #expect(json["verdict"]?.string == "not_reproduced", "\(json.compactText)")
    #expect(json["records"]?["step"]?.integer == 30 && json["records"]?["quantity"]?.string == "loss")
    #expect(json["reason"]?.string?.contains("the loss that forged recorded at step 30") == true)
    #expect(json["played_steps"]?.integer == 30)
  }
}
