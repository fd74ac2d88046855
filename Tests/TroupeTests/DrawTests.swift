import Formats
import Foundation
import JSON
import Testing

/// Diffusion models that are trained for a moment and then draw, through the command line.
@Suite(.serialized) struct DrawTests {
  private static let configuration = """
    {
      "name": "drawer", "seed": 3,
      "data": {
        "type": "glyphs", "count": 120, "batch_size": 20, "validation_count": 20,
        "augmentation": [{"type": "resize", "size": 8}]
      },
      "diffusion": {"steps": 30, "schedule": "cosine", "condition": "class"},
      "model": {"type": "dit", "patch_size": 4, "width": 8, "depth": 1, "heads": 2},
      "loss": {"type": "mse"}, "optimizer": {"type": "adamw", "learning_rate": 0.01},
      "training": {"duration": "10 steps", "ema": {"decay": 0.9}}
    }
    """

  private static let classifier = """
    {
      "name": "judge", "seed": 4,
      "data": {
        "type": "glyphs", "count": 300, "batch_size": 30, "validation_count": 30, "standardize": true,
        "augmentation": [{"type": "resize", "size": 8}]
      },
      "model": {"type": "mlp", "depth": 1, "width": 24},
      "optimizer": {"type": "adamw", "learning_rate": 0.01}, "training": {"duration": "40 steps"}
    }
    """

  private func trained(_ settings: String...) throws -> Workspace {
    let workspace = try Workspace()
    try workspace.write(Self.configuration, "drawer.json")
    let arguments = ["train", "drawer.json", "--run-dir", "run"] + settings.flatMap { ["--set", $0] }
    let result = try TroupeProcess(arguments, in: workspace.url).wait()
    #expect(result.exitCode == 0, "\(result.errors)")
    return workspace
  }

  private func image(_ workspace: Workspace, _ path: String) throws -> Image {
    try Image(decoding: Array(workspace.bytes(path)).span.bytes)
  }

  @Test func evaluationCountsSamplesAndTellsNoiseLevels() throws {
    let workspace = try trained()
    let result = try workspace.succeed("evaluate", "run", "--split", "validation", "--json")
    let json = try result.json()
    #expect(json["count"]?.integer == 20 && json["noise_levels"]?.array?.count == 10)
    #expect(result.errors.contains("over 20 samples") && result.errors.contains("mean squared error by noise level"))
  }

  @Test func drawsIntoFiles() throws {
    let workspace = try trained()
    let first = try workspace.succeed("sample", "run", "--steps", "5", "--json")
    let json = try first.json()
    #expect(json["count"]?.integer == 60 && json["steps"]?.integer == 5 && json["columns"]?.integer == 10)
    #expect(json["output"]?.string == "run/samples.png" && first.outputLines.count == 1)
    #expect(json["conditions"]?.array?.count == 10)
    let grid = try image(workspace, "run/samples.png")
    #expect(grid.width == 2 + 10 * 66 && grid.height == 2 + 6 * 66 && grid.channels == 1)
    let again = try workspace.succeed("sample", "run", "--steps", "5", "--output", "again.png", "--lanes", "2")
    #expect(try workspace.bytes("again.png") == workspace.bytes("run/samples.png"))
    #expect(!again.output.contains("in place of"))
    let replaced = try workspace.succeed(
      "sample", "run", "--steps", "5", "--output", "again.png", "--lanes", "1", "--seed", "2")
    #expect(replaced.output.contains("again.png, in place of an older file"))
    #expect(try workspace.bytes("again.png") != workspace.bytes("run/samples.png"))
  }

  @Test func drawsTheWayFromNoise() throws {
    let workspace = try trained()
    let result = try workspace.succeed(
      "sample", "run", "--class", "7", "--count", "3", "--sampler", "ddpm", "--files", "sevens", "--trajectory",
      "strip.png", "--json")
    #expect(try result.json()["steps"]?.integer == 30 && result.json()["output"] == nil)
    #expect(try workspace.names("sevens") == (0..<3).map { "0000\($0)-7.png" })
    let single = try image(workspace, "sevens/00002-7.png")
    #expect((single.width, single.height, single.channels) == (8, 8, 1))
    let strip = try image(workspace, "strip.png")
    #expect(strip.width == 2 + 12 * 66 && strip.height == 2 + 3 * 66)
    // The last state of the strip is the image itself.
    let last = (0..<8).map { strip[2 + 2 * 66 + 8 * $0, 2 + 11 * 66, 0] }
    #expect(last == (0..<8).map { single[$0, 0, 0] })
    #expect(!workspace.exists("run/samples.png"))
    workspace.refuses(["--files", "sevens"], saying: ["--files", "sevens", "empty"])
  }

  /// A picture depends on its number, not on how many there are, nor on who draws it.
  @Test func countAndLanesChangeNothing() throws {
    let workspace = try trained("training.precision=bfloat16")
    try workspace.succeed(
      "sample", "run", "--count", "21", "--steps", "4", "--files", "many", "--lanes", "2", "--batch", "4")
    try workspace.succeed(
      "sample", "run", "--count", "9", "--steps", "4", "--files", "few", "--lanes", "1", "--batch", "4")
    for name in try workspace.names("few") {
      #expect(try workspace.bytes("few/\(name)") == workspace.bytes("many/\(name)"))
    }
    #expect(try workspace.names("many").count == 21)
  }

  @Test func wrongRequestsAreRefused() throws {
    let workspace = try trained()
    workspace.refuses(["--class", "twelve"], saying: ["--class twelve", "0 to 9"])
    workspace.refuses(["--class", "10"], saying: ["--class 10", "0 to 9"])
    workspace.refuses(["--class", "all", "--class", "1"], saying: ["--class all"])
    workspace.refuses(["--prompt", "a seven"], saying: ["--prompt", "classes", "--class"])
    workspace.refuses(["--steps", "31"], saying: ["--steps 31", "30"])
    workspace.refuses(["--steps", "0"], saying: ["--steps 0"])
    workspace.refuses(["--sampler", "ddpm", "--steps", "5"], saying: ["--steps", "ddpm"])
    workspace.refuses(["--sampler", "ddpm", "--eta", "0.5"], saying: ["--eta", "ddpm"])
    workspace.refuses(["--eta", "2"], saying: ["--eta"])
    workspace.refuses(["--guidance", "-1"], saying: ["--guidance"])
    workspace.refuses(["--count", "0"], saying: ["--count 0"])
    workspace.refuses(["--batch", "0"], saying: ["--batch 0"])
    workspace.refuses(["--output", "a.png", "--trajectory", "a.png"], saying: ["different files"])
    workspace.refuses(["--output", "none/a.png", "--steps", "1"], code: 1, saying: ["none/a.png"])
    // Options of models that write.
    for option in [["--tokens", "5"], ["--temperature", "1"], ["--greedy"], ["--beam", "2"], ["--stop", "x"]] {
      workspace.refuses(option, saying: [option[0], "language models", "drawer"])
    }
  }

  @Test func guidanceNeedsConditions() throws {
    let free = try trained("diffusion.condition=none")
    free.refuses(["--guidance", "2"], saying: ["--guidance 2", "without conditions"])
    free.refuses(["--class", "1"], saying: ["--class", "without conditions"])
    try free.succeed("sample", "run", "--count", "2", "--steps", "2", "--guidance", "1")
    let unconditional = try trained("diffusion.drop_condition=0")
    unconditional.refuses(["--guidance", "2"], saying: ["--guidance 2", "drop_condition"])
    try unconditional.succeed("sample", "run", "--count", "2", "--steps", "2")
  }

  @Test func promptsAreRead() throws {
    let workspace = try trained(
      "diffusion.condition=text", "diffusion.text_length=5",
      #"model.text_encoder={"layers": 1, "width": 8, "heads": 1}"#)
    try workspace.succeed(
      "sample", "run", "--prompt", "7", "--prompt", "0", "--count", "4", "--steps", "2", "--files", "f")
    #expect(try workspace.names("f") == ["00000-7.png", "00001-0.png", "00002-7.png", "00003-0.png"])
    workspace.refuses(["--prompt", ""], saying: ["--prompt", "empty"])
    workspace.refuses(["--prompt", "  "], saying: ["--prompt", "empty"])
    workspace.refuses(["--prompt", "sevens"], saying: ["--prompt", "at most the 5 tokens", "found 6"])
    workspace.refuses(["--class", "7"], saying: ["--class", "--prompt"])
  }

  @Test func othersDoNotDraw() throws {
    let workspace = try Workspace.withSmallConfiguration()
    try workspace.succeed("train", "small.json", "--run-dir", "run", "--set", "training.duration=20 steps")
    for option in [
      ["--class", "1"], ["--steps", "5"], ["--guidance", "2"], ["--output", "a.png"], ["--lanes", "1"],
    ] {
      workspace.refuses(option, saying: [option[0], "diffusion models", "small"])
    }
    try workspace.refuse("evaluate", "run", "--classifier", "run", saying: ["--classifier", "diffusion", "small"])
    try workspace.refuse("evaluate", "run", "--count", "5", saying: ["--count", "--classifier"])
  }

  @Test func classifiersJudge() throws {
    let workspace = try trained()
    try workspace.write(Self.classifier, "judge.json")
    try workspace.succeed("train", "judge.json", "--run-dir", "judge")
    func judge(_ lanes: String) throws -> TroupeResult {
      try workspace.succeed(
        "evaluate", "run", "--classifier", "judge", "--count", "40", "--steps", "3", "--lanes", lanes, "--json")
    }
    let result = try judge("2")
    let json = try result.json()
    let verdict = try #require(json["classifiers"]?.array?.first)
    #expect(json["count"]?.integer == 40 && json["split"]?.string == "train" && json["real_count"]?.integer == 40)
    #expect(verdict["name"]?.string == "judge" && verdict["features"]?.integer == 24)
    let share = try #require(verdict["recognized"]?.double)
    #expect((0...1).contains(share) && json["all_right"]?.double == share)
    #expect(try #require(verdict["frechet_distance"]?.double) > 0)
    #expect(verdict["recognized_by_condition"]?.members?.count == 10)
    #expect(result.errors.contains("Fréchet distance in the features of judge") && !result.errors.contains("FID"))
    #expect(try judge("1").json()["classifiers"] == json["classifiers"])

    try workspace.succeed(
      "train", "judge.json", "--run-dir", "large", "--set", "data.augmentation=[]", "--set", "name=large")
    try workspace.refuse(
      "evaluate", "run", "--classifier", "large", saying: ["--classifier large", "28×28", "8×8"])
    try workspace.refuse("evaluate", "run", "--classifier", "run", saying: ["classifier", "values"])
    try workspace.refuse("evaluate", "run", "--classifier", "none", saying: ["none"])
  }
}
