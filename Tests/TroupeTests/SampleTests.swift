import Formats
import Foundation
import JSON
import Testing

/// Language models that are trained for a moment and then write, through the command line.
struct SampleTests {
  private static let configuration = """
    {
      "name": "writer", "seed": 3,
      "data": {
        "type": "text", "files": "verse.txt", "length": 16, "batch_size": 8, "validation_fraction": 0.1,
        "tokenizer": {"type": "characters"}
      },
      "model": {"type": "transformer", "layers": 2, "heads": 2, "width": 32},
      "optimizer": {"type": "adamw", "learning_rate": 0.003},
      "training": {"duration": "30 steps", "micro_batches": 2}
    }
    """

  static let models = [
    #"model={"type": "transformer", "layers": 2, "heads": 2, "width": 32}"#,
    #"model={"type": "recurrent", "cell": "lstm", "units": 32}"#,
  ]

  private func trained(_ settings: String...) throws -> Workspace {
    let workspace = try Workspace()
    let verse = (0..<60).map { "The \(["fox", "owl", "cat"][$0 % 3]) sat; é and \($0 % 10).\n" }.joined()
    try workspace.write(verse, "verse.txt")
    try workspace.write(Self.configuration, "writer.json")
    let arguments = ["train", "writer.json", "--run-dir", "run"] + settings.flatMap { ["--set", $0] }
    let result = try TroupeProcess(arguments, in: workspace.url).wait()
    #expect(result.exitCode == 0, "\(result.errors)")
    return workspace
  }

  @Test(arguments: models) func theSameSeedGivesTheSameText(model: String) throws {
    let workspace = try trained(model)
    func write(_ options: String...) throws -> String {
      let arguments = ["sample", "run", "--tokens", "40", "--count", "2"] + options
      let result = try TroupeProcess(arguments, in: workspace.url).wait()
      #expect(result.exitCode == 0, "\(result.errors)")
      return result.output
    }
    let text = try write("--seed", "5", "--prompt", "The ")
    #expect(try write("--seed", "5", "--prompt", "The ") == text)
    #expect(try write("--seed", "6", "--prompt", "The ") != text)
    let samples = text.components(separatedBy: "\n---------------\n")
    #expect(samples.count == 2 && samples[0] != samples[1])
    #expect(samples[0].count == 44 && samples[1].count == 45 && samples.allSatisfy { $0.hasPrefix("The ") })
    // nanoGPT's habits, and a sample that does not depend on how many there are.
    #expect(try write().hasPrefix("\n"))
    let json = try workspace.succeed(
      "sample", "run", "--tokens", "40", "--count", "1", "--seed", "5", "--prompt", "The ", "--json")
    let sample = try #require(try json.json()["samples"]?.array?.first)
    #expect("The " + (sample["text"]?.string ?? "") == samples[0] && sample["tokens"]?.integer == 40)
    #expect(sample["ended_by"]?.string == "length" && json.outputLines.count == 1)
    #expect(try json.json()["tokens_per_second"]?.double ?? 0 > 0 && json.errors.contains(samples[0]))
  }

  @Test(arguments: models) func greedyIsABeamOfOne(model: String) throws {
    let workspace = try trained(model)
    let greedy = try workspace.succeed("sample", "run", "--greedy", "--tokens", "30", "--prompt", "The ")
    let beam = try workspace.succeed("sample", "run", "--beam", "1", "--tokens", "30", "--prompt", "The ")
    #expect(greedy.output == beam.output && greedy.output.count == 35)
    let wide = try workspace.succeed(
      "sample", "run", "--beam", "4", "--results", "3", "--length-penalty", "0.6", "--tokens", "10", "--json")
    let samples = try #require(try wide.json()["samples"]?.array)
    let scores = samples.compactMap { $0["normalized_score"]?.double }
    #expect(samples.count == 3 && scores.count == 3 && scores == scores.sorted(by: >))
    #expect(Set(samples.compactMap { $0["text"]?.string }).count == 3)
  }

  @Test func stopStringsEndATextBeforeThem() throws {
    let workspace = try trained()
    let free = try workspace.succeed("sample", "run", "--greedy", "--tokens", "30", "--prompt", "The ", "--json")
    let text = try #require(try free.json()["samples"]?.array?.first?["text"]?.string)
    let stop = String(text.dropFirst(5).prefix(2))
    for options in [["--greedy"], ["--beam", "1"]] {
      let arguments = ["sample", "run", "--tokens", "30", "--prompt", "The ", "--stop", stop, "--stop", "ZZ", "--json"]
      let stopped = try TroupeProcess(arguments + options, in: workspace.url).wait().json()
      let sample = try #require(stopped["samples"]?.array?.first)
      #expect(sample["text"]?.string == text.components(separatedBy: stop)[0])
      #expect(sample["ended_by"]?.string == "stop_string")
    }
  }

  @Test func promptsAreCutAndReadFromFiles() throws {
    let workspace = try trained()
    try workspace.write("The fox sat; é and", "prompt.txt")
    let result = try workspace.succeed(
      "sample", "run", "--prompt", "FILE:prompt.txt", "--tokens", "3", "--count", "1", "--json")
    #expect(try result.json()["cut_tokens"]?.integer == 2 && result.json()["prompt_tokens"]?.integer == 16)
    #expect(result.errors.contains("first 2 of 18 tokens are cut"))
    let long = try workspace.succeed("sample", "run", "--tokens", "60", "--count", "1", "--prompt", "T", "--json")
    #expect(try long.json()["tokens"]?.integer == 60)
    let attention = try workspace.succeed("sample", "run", "--prompt", "The fox", "--attention", "a.png", "--json")
    let image = try Image(decoding: Array(workspace.bytes("a.png")).span.bytes)
    #expect(try attention.json()["layers"]?.array?.count == 2 && attention.json()["width"]?.integer == image.width)
    #expect(attention.outputLines.count == 1)
  }

  @Test func impossibleRequestsAreRefused() throws {
    let workspace = try trained()
    workspace.refuses(["--prompt", "The Ω"], saying: ["--prompt", "byte 4", "\"Ω\""])
    workspace.refuses(["--prompt", ""], saying: ["at least one token"])
    workspace.refuses(["--prompt", "FILE:none.txt"], saying: ["--prompt", "none.txt", "No such file"])
    try workspace.write(Data([0x54, 0xFF, 0x54]), "broken.txt")
    workspace.refuses(["--prompt", "FILE:broken.txt"], saying: ["byte 1", "UTF-8"])
    workspace.refuses(["--source", "x"], saying: ["--source", "reads no source"])
    workspace.refuses(["--greedy", "--temperature", "1"], saying: ["--greedy", "--temperature"])
    workspace.refuses(["--beam", "2", "--top-k", "5"], saying: ["--beam", "--top-k"])
    workspace.refuses(["--beam", "2", "--results", "3"], saying: ["--results 3"])
    workspace.refuses(["--results", "3"], saying: ["--results", "--beam"])
    workspace.refuses(["--temperature", "0"], saying: ["--temperature", "--greedy"])
    workspace.refuses(["--top-p", "1.5"], saying: ["--top-p"])
    workspace.refuses(["--stop", ""], saying: ["--stop"])
    workspace.refuses(["--layer", "1"], saying: ["--layer", "--attention"])
    workspace.refuses(["--attention", "a.png", "--layer", "2", "--prompt", "T"], saying: ["--layer 2"])
    workspace.refuses(["--attention", "none/a.png", "--prompt", "T"], code: 1, saying: ["none/a.png"])
  }

  @Test func otherRunsAreRefused() throws {
    let workspace = try Workspace.withSmallConfiguration()
    try workspace.succeed("train", "small.json", "--run-dir", "run", "--set", "training.duration=20 steps")
    workspace.refuses([], saying: ["classifier", "troupe predict"])
    workspace.refuses(["--checkpoint", "none"], saying: ["--checkpoint"])
  }
}
