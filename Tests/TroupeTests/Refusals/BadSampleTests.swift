import Formats
import Foundation
import JSON
import Testing

/// Runs on image folders of which some images cannot be read.
@Suite struct BadSampleTests {
  let workspace: Workspace

  init() throws {
    workspace = try .withSmallConfiguration()
    for number in 0..<48 {
      let content = try image(number).png()
      try workspace.write(Data(content), "mixed/\(kind(number))/\(number + 100).png")
      try workspace.write(Data(content), "clean/\(kind(number))/\(number + 100).png")
    }
    try workspace.write(Data(try image(1).png().dropLast(20)), "mixed/dark/050.png")
    try workspace.write(Data(), "mixed/light/200.jpg")
    try workspace.write(Data("<html>".utf8), "mixed/light/201.png")
  }

  private func kind(_ number: Int) -> String { number % 2 == 0 ? "dark" : "light" }

  private func image(_ number: Int) -> Image {
    let levels = (0..<27).map { UInt8((number * 37 + $0 * 11) % 100 + (number % 2 == 0 ? 0 : 100)) }
    return Image(width: 3, height: 3, channels: 3, bytes: levels)
  }

  private func data(_ folder: String, _ more: String = #","on_bad_sample":"skip""#) -> String {
    #"data={"type":"image_folder","path":"\#(folder)","batch_size":8,"validation_count":8,"test_count":8\#(more)}"#
  }

  private static let line = "3 of 51 images cannot be read and are skipped: first dark/050.png: PNG data: expected"

  @Test func failIsTheDefault() throws {
    for more in ["", #","on_bad_sample":"fail""#] {
      try workspace.refuse(
        "train", "small.json", "--set", data("mixed", more),
        saying: ["mixed: dark/050.png: PNG data", "expected", "found", "data.on_bad_sample to skip"])
      try workspace.refuse("describe", "small.json", "--set", data("mixed", more), saying: ["dark/050.png"])
    }
    #expect(!workspace.exists("checkpoints"))
  }

  @Test func everyCommandSaysWhatIsSkipped() throws {
    let training = try workspace.succeed("train", "small.json", "--run-dir", "run", "--set", data("mixed"), "--json")
    #expect(training.errorLines.first?.hasPrefix(Self.line) == true, "\(training.errors)")
    let skipped = try training.json()["skipped_samples"]
    #expect(skipped?["count"]?.integer == 3 && skipped?["total"]?.integer == 51)
    #expect(
      skipped?["samples"]?.array?.map { $0["name"]?.string } == ["dark/050.png", "light/200.jpg", "light/201.png"])
    let records = try workspace.text("run/metrics.jsonl").split(separator: "\n")
    #expect(records.count { $0.contains(#""event":"skipped_samples""#) } == 1)
    #expect(records[1].contains(Self.line))
    #expect(try workspace.text("run/report.html").contains(Self.line))

    let evaluation = try workspace.succeed("evaluate", "run", "--json")
    #expect(evaluation.errors.contains(Self.line))
    #expect(try evaluation.json()["skipped_samples"]?["count"]?.integer == 3)
    let described = try workspace.succeed("describe", "small.json", "--set", data("mixed"))
    #expect(described.outputLines.first?.hasPrefix(Self.line) == true)
    let plan = try workspace.succeed("describe", "small.json", "--set", data("mixed"), "--json")
    #expect(try plan.json()["skipped_samples"]?["count"]?.integer == 3)
    let inspected = try workspace.succeed("dataset", "inspect", "mixed", "--json")
    #expect(inspected.errors.contains("3 of 51 images cannot be read"))
    #expect(try inspected.json()["skipped_samples"]?["count"]?.integer == 3)

    let clean = try workspace.succeed("describe", "small.json", "--set", data("clean"), "--json")
    #expect(try clean.json()["skipped_samples"] == .null && !clean.errors.contains("skipped"))
  }

  /// The skipped samples do not depend on lanes, sessions or the place of the data set.
  @Test func runsAreTheSameBits() throws {
    func digest(_ result: TroupeResult) throws -> String {
      try #require(try result.json()["parameters_digest"]?.string)
    }
    let whole = try workspace.succeed(
      "train", "small.json", "--run-dir", "clean-run", "--set", data("clean", ""), "--json", "--lanes", "1")
    let expected = try digest(whole)
    for lanes in ["1", "2", "3"] {
      let result = try workspace.succeed(
        "train", "small.json", "--run-dir", "run\(lanes)", "--set", data("mixed"), "--json", "--lanes", lanes)
      #expect(try digest(result) == expected)
    }
    let streamed = try workspace.succeed(
      "train", "small.json", "--run-dir", "streamed", "--set",
      data("mixed", #","on_bad_sample":"skip","max_bytes":30"#),
      "--json")
    #expect(try digest(streamed) == expected)
    let paused = try workspace.troupe(
      "train", "small.json", "--run-dir", "parts", "--set", data("mixed"), "--stop-after", "2 epochs")
    #expect(paused.exitCode == 75)
    let resumed = try workspace.succeed(
      "train", "small.json", "--run-dir", "parts", "--set", data("mixed"), "--resume", "--json", "--lanes", "2")
    #expect(try digest(resumed) == expected && resumed.errors.contains(Self.line))
    let records = try workspace.text("parts/metrics.jsonl").split(separator: "\n")
    #expect(records.count { $0.contains(#""event":"skipped_samples""#) } == 1)
  }

  @Test func aRepairedImageMakesOtherData() throws {
    func resume() -> [String] { ["train", "small.json", "--run-dir", "run", "--set", data("mixed"), "--resume"] }
    let paused = try workspace.troupe(
      "train", "small.json", "--run-dir", "run", "--set", data("mixed"), "--stop-after", "2 epochs")
    #expect(paused.exitCode == 75)
    try workspace.write(Data(try image(1).png()), "mixed/dark/050.png")
    let refused = try TroupeProcess(resume(), in: workspace.url).wait()
    expectRefusal(refused, code: 1, saying: ["mixed: not the data that"])
    #expect(refused.output.contains("2 of 51 images cannot be read"))
    try workspace.write(Data(try image(1).png().dropLast(30)), "mixed/dark/050.png")
    let resumed = try TroupeProcess(resume(), in: workspace.url).wait()
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
  }

  @Test func aTarCutShortIsRefused() throws {
    let tar = "/usr/bin/tar"
    guard FileManager.default.isExecutableFile(atPath: tar) else { return }
    let packing = try TroupeProcess([], wrapper: "\(tar) -cf whole.tar mixed", in: workspace.url).wait()
    #expect(packing.exitCode == 0, "\(packing.errors)")
    let trained = try workspace.succeed("train", "small.json", "--run-dir", "run", "--set", data("whole.tar"))
    #expect(trained.output.contains("3 of 51 images cannot be read and are skipped: first mixed/dark/050.png"))
    let whole = try workspace.bytes("whole.tar")
    for length in [whole.count / 2, whole.count / 3 + 100, 700] {
      try workspace.write(whole.prefix(length), "short.tar")
      try workspace.refuse(
        "train", "small.json", "--set", data("short.tar"), saying: ["short.tar: byte", "expected", "truncated"])
    }
  }
}
