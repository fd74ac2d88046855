import Foundation
import JSON
import Testing

/// `troupe probe`: language models at several lengths of sequences, and their part of the report.
@Suite struct ProbeTests {
  let workspace: Workspace

  init() throws {
    workspace = try .withSmallConfiguration()
    let lines = (0..<150).map { "line \($0) is \($0 % 7 == 0 ? "" : "not ")one of seven, \($0 * $0 % 31)\n" }
    try workspace.write(lines.joined(), "text.txt")
    let configuration = """
      {
        "name": "transformer", "seed": 5,
        "data": {
          "type": "text", "files": "text.txt", "tokenizer": {"type": "characters"}, "length": 16, "batch_size": 8,
          "validation_fraction": 0.2
        },
        "model": {"type": "transformer", "layers": 1, "heads": 2, "width": 16, "dropout": 0.1},
        "optimizer": {"type": "adamw", "learning_rate": 0.01},
        "training": {"duration": "20 steps", "micro_batches": 2}
      }
      """
    try workspace.write(configuration, "transformer.json")
    try workspace.write(
      """
      {
        "extends": "transformer.json", "name": "rnn",
        "data": {"order": "streams"},
        "model": {"type": "recurrent", "cell": "rnn", "units": 24, "carry": true}
      }
      """, "rnn.json")
  }

  private func probe(_ run: String) throws -> JSON {
    try JSONParser.parse(try workspace.text("checkpoints/\(run)/probe.json"), file: run)
  }

  @Test func twoModelsAreProbedAndCompared() throws {
    try workspace.succeed("train", "transformer.json")
    try workspace.succeed("train", "rnn.json")
    let runs = ["checkpoints/transformer", "checkpoints/rnn"]
    let result = try workspace.succeed(
      "probe", runs[0], runs[1], "--times", "16,32", "--reach", "--lengths", "1,2", "--seconds", "0.05", "--json"
    ).json()
    #expect(result["runs"]?.array?.compactMap { $0["run"]?.string } == ["transformer", "rnn"])
    for run in ["transformer", "rnn"] {
      let probe = try probe(run)
      #expect(probe["step"]?.integer == 20 && probe["training_length"]?.integer == 16)
      let times = try #require(probe["step_times"]?["points"]?.array)
      #expect(times.map { $0["length"]?.integer } == [16, 32] && times.map { $0["rows"]?.integer } == [8, 4])
      #expect(times.allSatisfy { $0["median_ms"]?.double.map { $0 > 0 } == true })
      let norms = try #require(probe["reach"]?["relative_norms"]?.array).compactMap(\.double)
      #expect(norms.count == 16 && norms[0] == 1 && norms.allSatisfy { $0 > 0 && $0.isFinite })
      // Windows of one training length are those of every evaluation.
      let evaluated = try workspace.succeed("evaluate", "checkpoints/\(run)", "--split", "validation", "--json").json()
      let loss = try #require(evaluated["loss"]?.double)
      let lengths = try #require(probe["lengths"]?.array)
      #expect(lengths.count == 2 && lengths[0]["loss_beyond"] == .null)
      #expect(abs(try #require(lengths[0]["loss"]?.double) / loss - 1) < 1e-6)
      #expect(abs(try #require(lengths[0]["perplexity"]?.double) - exp(loss)) < 1e-4)
    }
    let ends = try #require(try probe("transformer")["lengths"]?.array?.last)
    #expect(ends["places"]?.integer == 16 && ends["loss"] == .null && ends["loss_beyond"] == .null)
    let lengths = try #require(try probe("rnn")["lengths"]?.array)
    #expect(lengths[1]["tokens"] == lengths[0]["tokens"] && lengths[1]["loss_beyond"]?.double != nil)
    #expect(lengths[1]["places"] == .null)

    try workspace.succeed("report", runs[0], runs[1], "--output", "page.html")
    let page = try workspace.text("page.html")
    #expect(page.contains(#""probe":{"step":20,"training_length":16,"position":"learned""#))
    #expect(page.contains(#""probe":{"step":20,"training_length":16,"position":null"#))
    #expect(page.contains(#""places":16"#) && page.contains("function sequences()"))

    // A new probe replaces the old one, with the requested measurements and nothing else.
    let text = try workspace.succeed("probe", runs[1], "--lengths", "2").output
    #expect(text.contains("2 × 16 tokens: loss ") && text.contains("beyond the training length"))
    let again = try probe("rnn")
    #expect(again["step_times"] == .null && again["reach"] == .null)
    #expect(again["lengths"]?.array == [lengths[1]])
  }

  @Test func whatCannotBeProbedIsRefused() throws {
    try workspace.succeed(
      "train", "small.json", "--set", "training.duration=2 steps", "--set", "schedule.warmup=1 step")
    try workspace.refuse("probe", "checkpoints/small", saying: ["language model", "mlp", "spirals"])
    #expect(!workspace.exists("checkpoints/small/probe.json"))
    try workspace.refuse("probe", "nowhere", saying: ["nowhere"])
    try workspace.refuse("probe", "nowhere", "--times", "64,x", saying: ["64,x", "--times"])
    try workspace.refuse("probe", "nowhere", "--times", "0", saying: ["--times 0", "1 to"])
    try workspace.refuse("probe", "nowhere", "--lengths", "2,2", saying: ["--lengths", "each number once"])
    try workspace.refuse("probe", saying: ["<runs>", "probe --help"])

    try workspace.succeed(
      "train", "transformer.json", "--set", "training.duration=1 step", "--set", "data.validation_fraction=0")
    try workspace.refuse("probe", "checkpoints/transformer", "--reach", saying: ["validation_fraction"])
    // A file that is not ours stays.
    try workspace.write("my notes", "checkpoints/transformer/probe.json")
    try workspace.refuse(
      "probe", "checkpoints/transformer", "--times", "16", "--seconds", "0.05", code: 1,
      saying: ["probe.json", "move it away"])
    #expect(try workspace.text("checkpoints/transformer/probe.json") == "my notes")
    let report = try workspace.succeed("report", "checkpoints/transformer").output
    #expect(report.contains("wrote"))
    #expect(
      try workspace.text("checkpoints/transformer/report.html").contains(#""damaged_evaluations":["probe.json"]"#))
  }
}
