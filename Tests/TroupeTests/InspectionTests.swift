import Configuration
import Foundation
import JSON
import Testing

/// The commands that look at a configuration, a run or a data file.
@Suite struct InspectionTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  @Test func describeSaysWhatARunWouldCost() throws {
    let text = try workspace.succeed("describe", "small.json").output
    let words = [
      "hidden.0", "head", "parameters           739", "60 steps", "GFLOP", "memory", "checkpoint", "learning rate",
    ]
    for word in words { #expect(text.contains(word), "\(text)") }
    let json = try workspace.succeed("describe", "small.json", "--json", "--lanes", "3").json()
    #expect(json["parameters"]?.integer == 739)
    #expect(json["steps"]?.integer == 60)
    #expect(json["layers"]?.array?.isEmpty == false)
    #expect(json["memory_bytes"]?.integer ?? 0 > 0)
    #expect(!workspace.exists("checkpoints"))
    let huge = try workspace.succeed("describe", "small.json", "--set", "model.width=1000000")
    #expect(huge.output.contains("train would refuse"))
  }

  @Test func evaluateGivesLossAccuracyAndCount() throws {
    let trained = try workspace.succeed("train", "small.json", "--json").json()
    let result = try workspace.succeed("evaluate", "checkpoints/small", "--json", "--split", "validation")
    #expect(result.outputLines.count == 1 && !result.errors.isEmpty)
    let json = try result.json()
    #expect(json["loss"]?.double == trained["validation"]?["loss"]?.double)
    #expect(json["accuracy"]?.double == trained["validation"]?["accuracy"]?.double)
    #expect(json["count"]?.integer == 60)
    // Any number of lanes, any checkpoint, by folder or by file.
    let one = try workspace.succeed("evaluate", "checkpoints/small", "--json", "--lanes", "1").json()
    let file = try workspace.succeed("evaluate", "checkpoints/small/step-00000060.h5", "--json", "--lanes", "3").json()
    #expect(one["loss"] == file["loss"])
    #expect(one["split"]?.string == "test" && one["step"]?.integer == 60)
    let earlier = try workspace.succeed("evaluate", "checkpoints/small", "--checkpoint", "45", "--json")
    #expect(try earlier.json()["step"]?.integer == 45)
    let best = try workspace.succeed("evaluate", "checkpoints/small", "--checkpoint", "best", "--json")
    #expect(try best.json()["loss"] != nil)
    try workspace.refuse("evaluate", "checkpoints/small", "--checkpoint", "17", saying: ["step 17", "45, 60"])
    try workspace.refuse("evaluate", "checkpoints/small", "--checkpoint", "newst", saying: ["newst", "newest, best"])
    try workspace.refuse(
      "evaluate", "checkpoints/small", "--split", "tests", saying: ["tests", "validation, test or train"])
    try workspace.refuse("evaluate", "checkpoints/small", "--views", "flip", saying: ["--views", "images"])
    try workspace.refuse("evaluate", "checkpoints/small", "--views", "five", saying: ["five", "flip", "ten-crop"])
    try workspace.refuse("evaluate", "nowhere", saying: ["nowhere"])
    try workspace.refuse("evaluate", "small.json", saying: ["small.json", "run folder"])
  }

  @Test func aLossWithoutAccuracyClaimsNone() throws {
    try workspace.write("x,y\n" + (0..<50).map { "\($0),\(2 * $0 + 1)\n" }.joined(), "line.csv")
    let data =
      #"data={"type":"csv","file":"line.csv","task":"regression","target":"y","batch_size":8,"standardize":true}"#
    let arguments = ["train", "small.json", "--json", "--set", data, "--set", #"loss={"type":"mse"}"#]
    let result = try TroupeProcess(arguments, in: workspace.url).wait()
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(try result.json()["validation"]?["accuracy"] == .null)
    #expect(!result.errors.contains("accuracy"))
    let evaluated = try workspace.succeed("evaluate", "checkpoints/small", "--split", "train")
    #expect(!evaluated.output.contains("accuracy"))
    let monitor = ["--set", "checkpoints.monitor=validation.accuracy", "--fresh"]
    expectRefusal(
      try TroupeProcess(arguments + monitor, in: workspace.url).wait(), code: 2,
      saying: ["checkpoints.monitor", "mse", "validation.loss"])
  }

  @Test func reportSetsRunsSideBySide() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "runs/first")
    try workspace.succeed("train", "small.json", "--run-dir", "runs/second", "--set", "name=other", "--set", "seed=3")
    let one = try workspace.succeed("report", "runs/first", "--json").json()
    #expect(one["runs"]?.array?.count == 1)
    #expect(try workspace.text("runs/first/report.html").contains("small"))
    let two = try workspace.succeed(
      "report", "runs/first", "runs/second", "--output", "both.html", "--csv", "tables", "--json"
    ).json()
    #expect(two["runs"]?.array?.count == 2)
    let page = try workspace.text("both.html")
    #expect(page.contains("small") && page.contains("other"))
    #expect(!page.contains("src=\"http") && !page.contains("href=\"http"))
    #expect(try workspace.names("tables") == ["norms.csv", "steps.csv", "validation.csv"])
    #expect(try workspace.text("tables/steps.csv").split(separator: "\n").count == 61)
    // Two runs of one name are distinguished.
    try workspace.succeed("train", "small.json", "--run-dir", "runs/third")
    let same = try workspace.succeed("report", "runs/first", "runs/third", "--output", "same.html", "--json").json()
    #expect(same["runs"]?.array?.compactMap { $0["name"]?.string } == ["runs/first", "runs/third"])
    try workspace.refuse("report", "nowhere", saying: ["nowhere"])
  }

  @Test func verifyFindsDamage() throws {
    try workspace.succeed("train", "small.json")
    let good = try workspace.succeed("verify", "checkpoints/small", "--json").json()
    #expect(good["ok"]?.boolean == true && good["step"]?.integer == 60)
    #expect(good["digest"]?.string?.count == 64 && good["file"]?.string != nil)
    let file = "checkpoints/small/step-00000060.h5"
    #expect(try workspace.succeed("verify", file, "--json").json()["ok"]?.boolean == true)
    try workspace.damage(file)
    let result = try workspace.troupe("verify", "checkpoints/small", "--json")
    expectRefusal(result, code: 5, saying: ["1 of ", "damaged"])
    #expect(try result.json()["ok"]?.boolean == false)
    try workspace.refuse("verify", file, code: 5, saying: ["damaged"])
    try workspace.refuse("verify", "nowhere", saying: ["nowhere"])
    try workspace.refuse("verify", "nowhere.h5", saying: ["nowhere.h5"])
  }

  @Test func damagedCheckpointsArePassedOverAndReported() throws {
    try workspace.succeed("train", "small.json")
    try workspace.damage("checkpoints/small/step-00000060.h5")
    let evaluated = try workspace.succeed("evaluate", "checkpoints/small", "--json")
    #expect(evaluated.errors.contains("step-00000060.h5 is passed over"))
    #expect(try evaluated.json()["step"]?.integer == 45)
    let resumed = try workspace.succeed("train", "small.json", "--resume", "--json")
    #expect(resumed.errors.contains("step-00000060.h5 is passed over"))
    #expect(resumed.errors.contains("going on after step 45"))
    #expect(try resumed.json()["step"]?.integer == 60)
    #expect(try workspace.recordedSteps("checkpoints/small") == Array(1...60))
    try workspace.succeed("verify", "checkpoints/small")
    // Nothing good at all: refused, and everything stays where it is.
    for step in try workspace.checkpointSteps("checkpoints/small") {
      try workspace.damage("checkpoints/small/step-000000\(step).h5")
    }
    let before = try workspace.snapshot("checkpoints")
    let refused = try workspace.troupe("train", "small.json", "--resume")
    expectRefusal(refused, code: 1, saying: ["no good checkpoint", "--fresh"])
    #expect(try workspace.snapshot("checkpoints") == before)
  }

  @Test func verifyResumeProvesEquality() throws {
    let result = try workspace.succeed("verify-resume", "small.json", "--at", "17", "--steps", "40", "--json")
    let json = try result.json()
    #expect(json["equal"]?.boolean == true)
    #expect(!workspace.exists("checkpoints"))
    try workspace.refuse("verify-resume", "small.json", "--at", "50", "--steps", "40", saying: ["--at 50"])
  }

  @Test func benchmarkTimesSteps() throws {
    let json = try workspace.succeed("benchmark", "small.json", "--seconds", "0.2", "--lanes", "1", "--json").json()
    for key in ["median_ms", "p90_ms", "gflop_per_step", "fraction_of_ceiling"] {
      #expect(json[key]?.double.map { $0 > 0 } == true, "\(key)")
    }
    #expect(json["steps"]?.integer ?? 0 > 5)
    #expect(json["stages"] != nil)
    #expect(!workspace.exists("checkpoints"))
    let ceilings = try workspace.succeed("benchmark", "--ceilings", "--lanes", "1", "--json").json()
    #expect(ceilings["ceilings"]?.array?.isEmpty == false)
    try workspace.refuse("benchmark", saying: ["--ceilings"])
  }

  @Test func exportIsReadableSafetensors() throws {
    let trained = try workspace.succeed("train", "small.json", "--json").json()
    let json = try workspace.succeed("export", "checkpoints/small", "--format", "safetensors", "--json").json()
    #expect(json["parameters_digest"] == trained["parameters_digest"])
    let bytes = try workspace.bytes("checkpoints/small/model.safetensors")
    let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONParser.parse(
      String(decoding: bytes.dropFirst(8).prefix(length), as: UTF8.self), file: "header")
    #expect(header["hidden.0.weight"]?["shape"] == .array([.integer(16), .integer(2)]))
    #expect(header["hidden.0.weight"]?["dtype"]?.string == "F32")
    #expect(header["head.weight"]?["shape"] == .array([.integer(3), .integer(16)]))
    #expect(header["hidden_norms.0.running_mean"]?["shape"] == .array([.integer(16)]))
    let ends = header.members?.compactMap { $0.value["data_offsets"]?.array?.last?.integer } ?? []
    #expect(ends.max() == bytes.count - 8 - length)
    try workspace.refuse("export", "checkpoints/small", "--format", "onnx", saying: ["onnx", "safetensors"])
    try workspace.refuse("export", "nowhere", saying: ["nowhere"])
  }

  @Test func datasetsAreMadeAndInspected() throws {
    let making = ["dataset", "make", "glyphs", "drawn", "--count", "200", "--seed", "5", "--json"]
    let made = try TroupeProcess(making, in: workspace.url).wait().json()
    #expect(made["count"]?.integer == 200)
    let names = try workspace.names("drawn")
    #expect(names.count == 2, "\(names)")
    try workspace.succeed("dataset", "make", "glyphs", "again", "--count", "200", "--seed", "5")
    #expect(try workspace.snapshot("drawn") == workspace.snapshot("again"))
    let before = try workspace.snapshot("drawn")
    let refused = try workspace.troupe("dataset", "make", "glyphs", "drawn", "--count", "100", "--seed", "6")
    #expect(refused.exitCode != 0 && refused.errorLines.count == 1, "\(refused.errors)")
    #expect(try workspace.snapshot("drawn") == before)
    let inspected = try workspace.succeed("dataset", "inspect", "drawn")
    #expect(inspected.output.contains("28") && inspected.output.contains("200"))
    _ = try workspace.succeed("dataset", "inspect", "drawn", "--json").json()
    try workspace.refuse("dataset", "inspect", "nowhere", saying: ["nowhere"])
    let data = #"data={"type":"shapes","count":40,"batch_size":8,"augmentation":[{"type":"horizontal_flip"}]}"#
    try workspace.succeed(
      "dataset", "preview", "small.json", "--set", data, "--output", "seen.png", "--samples", "3", "--epochs", "4")
    #expect(Array(try workspace.bytes("seen.png").prefix(4)) == [0x89, 0x50, 0x4E, 0x47])
    try workspace.refuse(
      "dataset", "preview", "small.json", "--output", "x.png", saying: ["images [height, width, channels]"])
    try workspace.refuse("dataset", "make", "glyphs", "x", "--count", "0", saying: ["--count 0"])
  }

  @Test func schemaIsDraft7() throws {
    let schema = try JSONParser.parse(try workspace.succeed("schema").output, file: "schema")
    #expect(schema["$schema"]?.string?.contains("draft-07") == true)
  }
}
