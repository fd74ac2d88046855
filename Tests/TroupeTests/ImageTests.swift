import Checkpoints
import Formats
import Foundation
import JSON
import Testing

/// The commands for an image classifier, its mistakes and its layers.
@Suite struct ImageTests {
  let workspace: Workspace

  init() throws {
    workspace = try Workspace()
    let configuration = """
      {
        "name": "digits", "seed": 2,
        "data": {"type": "glyphs", "count": 600, "batch_size": 40, "test_fraction": 0.2, "standardize": true},
        "model": {"type": "mlp", "depth": 1, "width": 16},
        "optimizer": {"type": "adamw", "learning_rate": 0.01},
        "training": {"duration": "30 steps", "micro_batches": 2}
      }
      """
    try workspace.write(configuration, "digits.json")
    try workspace.succeed("train", "digits.json")
  }

  private func json(_ path: String) throws -> JSON { try JSONParser.parse(try workspace.text(path), file: path) }

  @Test func trainingLeavesItsLastEvaluation() throws {
    let kept = try json("checkpoints/digits/evaluation-validation.json")
    #expect(kept["step"]?.integer == 30 && kept["count"]?.integer == 60 && kept["classes"]?.array?.count == 10)
    let page = try workspace.text("checkpoints/digits/report.html")
    #expect(page.contains("\"split\":\"validation\",\"step\":30") && page.contains("\"picture\":\"iVBOR"))
  }

  @Test func evaluateShowsClassesAndKeepsMistakes() throws {
    let text = try workspace.succeed("evaluate", "checkpoints/digits").output
    for word in ["top-5", "class  samples", "precision", "most often taken for", "evaluation-test.json"] {
      #expect(text.contains(word), "\(text)")
    }
    let result = try workspace.succeed("evaluate", "checkpoints/digits", "--json", "--lanes", "1").json()
    let kept = try json("checkpoints/digits/evaluation-test.json")
    #expect(result["evaluation_file"]?.string?.hasSuffix("/checkpoints/digits/evaluation-test.json") == true)
    #expect(kept["count"] == result["count"] && result["count"]?.integer == 120)
    #expect(abs((kept["accuracy"]?.double ?? 0) - (result["accuracy"]?.double ?? 1)) < 1e-8)
    #expect(result["top5_accuracy"]?.double ?? 0 > result["accuracy"]?.double ?? 1)
    let cells = kept["confusion"]?.array?.flatMap { $0.array ?? [] }.compactMap(\.integer) ?? []
    #expect(cells.count == 100 && cells.reduce(0, +) == 120)
    // Any number of lanes leaves the same file.
    let before = try workspace.bytes("checkpoints/digits/evaluation-test.json")
    try workspace.succeed("evaluate", "checkpoints/digits", "--lanes", "3")
    #expect(try workspace.bytes("checkpoints/digits/evaluation-test.json") == before)
    try workspace.succeed("report", "checkpoints/digits")
    #expect(try workspace.text("checkpoints/digits/report.html").contains("\"split\":\"test\""))
  }

  @Test func severalViewsAreDistinguishedFromOne() throws {
    let plain = try workspace.succeed("evaluate", "checkpoints/digits", "--json").json()
    let flip = try workspace.succeed("evaluate", "checkpoints/digits", "--views", "flip", "--json")
    #expect(flip.errors.contains("the mean of 2 views of each"))
    #expect(flip.errors.contains("in place of those of one view"))
    #expect(try plain["views"]?.integer == 1 && flip.json()["views"]?.integer == 2)
    #expect(try json("checkpoints/digits/evaluation-test.json")["views"]?.integer == 2)
    let ten = try workspace.succeed("evaluate", "checkpoints/digits", "--views", "ten-crop").output
    #expect(ten.contains("the mean of 10 views of each") && ten.contains("in place of those of 2 views"))
    try workspace.succeed("report", "checkpoints/digits")
    #expect(try workspace.text("checkpoints/digits/report.html").contains("\"views\":10,"))
    try workspace.refuse(
      "evaluate", "checkpoints/digits", "--views", "flip", "--classifier", "checkpoints/digits",
      saying: ["--views", "--classifier"])
  }

  @Test func anEvaluationThatCannotBeKeptIsStillPrinted() throws {
    try workspace.write("mine", "checkpoints/digits/evaluation-test.json")
    let result = try workspace.succeed("evaluate", "checkpoints/digits", "--json")
    #expect(try result.json()["evaluation_file"] == .null && result.errors.contains("move it away"))
    #expect(try workspace.text("checkpoints/digits/evaluation-test.json") == "mine")
    let name = "step-00000030.h5"
    for file in [name, name + ".sha256"] { try workspace.write(workspace.bytes("checkpoints/digits/\(file)"), file) }
    let moved = try workspace.succeed("evaluate", name, "--json")
    #expect(try moved.json()["accuracy"] == result.json()["accuracy"])
    #expect(!workspace.exists("evaluation-test.json") && moved.errors.contains("not kept"))
  }

  /// Some images that the run misclassified, as files; the first is the worst.
  private func writeMistakes() throws -> [(file: String, mistake: JSON)] {
    let kept = try json("checkpoints/digits/evaluation-validation.json")
    return try (kept["mistakes"]?.array ?? []).prefix(3).enumerated().map { number, mistake in
      let picture = try #require(mistake["picture"]?.string.flatMap { Data(base64Encoded: $0) })
      try workspace.write(picture, "mistake\(number).png")
      return ("mistake\(number).png", mistake)
    }
  }

  @Test func predictAnswersWithoutTheData() throws {
    let mistakes = try writeMistakes()
    try #require(mistakes.count == 3)
    let text = try workspace.succeed("predict", "checkpoints/digits", mistakes[0].file, "--top", "2").output
    #expect(text.hasPrefix("mistake0.png\n") && text.split(separator: "\n").count == 3 && text.contains("%"))
    let files = mistakes.map(\.file)
    let result = try workspace.succeed("predict", "checkpoints/digits", files[0], files[1], files[2], "--json").json()
    for (prediction, (file, mistake)) in zip(result["predictions"]?.array ?? [], mistakes) {
      #expect(prediction["file"]?.string == file && prediction["changes"]?.array?.isEmpty == true)
      let best = try #require(prediction["classes"]?.array?.first)
      #expect(prediction["classes"]?.array?.count == 5 && best["label"] == mistake["predicted"])
      #expect(abs((best["probability"]?.double ?? 0) - (mistake["probability"]?.double ?? 1)) < 1e-5)
    }
    let image = Image(width: 56, height: 31, channels: 3, filledWith: 40)
    try workspace.write(Data(image.jpeg()), "large.jpg")
    let file = "checkpoints/digits/step-00000030.h5"
    let adapted = try workspace.succeed("predict", file, "large.jpg").output
    #expect(adapted.contains("large.jpg (resized from 56×31 to 28×28, made gray)"), "\(adapted)")
  }

  @Test func predictNamesWhatItCannotRead() throws {
    let good = try #require(try writeMistakes().first).file
    try workspace.write("words", "words.png")
    let result = try workspace.troupe("predict", "checkpoints/digits", "none.png", good, "words.png", "--json")
    #expect(result.exitCode == 1 && !result.diedOfSignal)
    let complaints = result.errorLines.filter { $0.hasPrefix("troupe: error: ") }
    #expect(complaints.count == 2 && complaints[0].contains("none.png") && complaints[1].contains("words.png"))
    let predictions = try #require(try result.json()["predictions"]?.array)
    #expect(predictions.map { $0["error"] != nil } == [true, false, true])
    try workspace.refuse("predict", "checkpoints/digits", "words.png", code: 1, saying: ["words.png", "JPEG or PNG"])
    try workspace.refuse("predict", "nowhere", good, saying: ["nowhere"])
    try workspace.refuse("predict", "checkpoints/digits", saying: ["<images>"])
    try workspace.refuse("predict", "checkpoints/digits", good, "--top", "0", saying: ["--top 0"])
    try workspace.write(smallConfiguration, "small.json")
    try workspace.succeed("train", "small.json")
    try workspace.refuse("predict", "checkpoints/small", good, saying: ["images", "[2]"])
    try workspace.refuse("visualize", "filters", "checkpoints/small", saying: ["images", "[2]"])
  }

  @Test func layersAreDrawn() throws {
    let filters = try workspace.succeed("visualize", "filters", "checkpoints/digits", "--json").json()
    let bytes = [UInt8](try workspace.bytes("checkpoints/digits/filters-hidden.0.png"))
    let sheet = try Image(decoding: bytes.span.bytes)
    #expect(filters["width"]?.integer == sheet.width && filters["total"]?.integer == 16)
    let picture = try #require(try writeMistakes().first).file
    let text = try workspace.succeed(
      "visualize", "features", "checkpoints/digits", picture, "--layer", "hidden.0", "--output", "maps.png"
    ).output
    #expect(text.contains("16 outputs") && text.contains("maps.png") && workspace.exists("maps.png"))
    let features = ["visualize", "features", "checkpoints/digits"]
    func refuse(_ arguments: [String], _ code: Int32, saying words: [String]) throws {
      expectRefusal(try TroupeProcess(features + arguments, in: workspace.url).wait(), code: code, saying: words)
    }
    try refuse([picture, "--layer", "hiden"], 2, saying: ["hiden", "hidden.0"])
    try refuse(["none.png", "--layer", "hidden.0"], 1, saying: ["none.png"])
    try refuse([picture, "--layer", "head", "--output", "no/where.png"], 1, saying: ["no/where.png"])
    try workspace.refuse("visualize", "filters", "checkpoints/digits", "--layer", "head", saying: ["head", "hidden.0"])
  }
}
