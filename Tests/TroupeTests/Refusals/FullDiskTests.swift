import Foundation
import Testing

/// Places that cannot be written, from the start or at some moment of a run: good files stay good.
@Suite struct FullDiskTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  @Test func somethingInTheWay() throws {
    try workspace.write("mine", "file")
    try workspace.refuse("train", "small.json", "--run-dir", "file", code: 1, saying: ["file", "in the way"])
    try workspace.refuse(
      "train", "small.json", "--run-dir", "file/run", code: 1, saying: ["file/run", "Not a directory"])
    try workspace.refuse("train", "small.json", "--run-dir", "/proc/run", code: 1, saying: ["/proc/run"])
    try workspace.refuse(
      "train", "small.json", "--run-dir", String(repeating: "x", count: 300), code: 1, saying: ["too long"])
    #expect(try workspace.text("file") == "mine")
    try workspace.write("mine", "checkpoints")
    try workspace.refuse("train", "small.json", code: 1, saying: ["checkpoints", "Not a directory"])
    try workspace.succeed("train", "small.json", "--run-dir", "run")
    for output in ["file/page.html", "nowhere/page.html"] {
      let report = try workspace.troupe("report", "run", "--output", output)
      #expect(
        report.exitCode == 1 && report.errorLines.count == 1 && report.errors.contains("page.html"), "\(report.errors)")
      let export = try workspace.troupe("export", "run", "--output", output)
      #expect(
        export.exitCode == 1 && export.errorLines.count == 1 && export.errors.contains("page.html"), "\(export.errors)")
    }
  }

  /// A result that its reader does not get is no success.
  @Test func standardOutputThatCannotBeWritten() throws {
    let full = "exec \"$@\" > /dev/full"
    for arguments in [["schema"], ["--help"], ["describe", "small.json"], ["describe", "small.json", "--json"]] {
      let result = try TroupeProcess(arguments, wrapper: full, in: workspace.url).wait()
      expectRefusal(result, code: 1, saying: ["standard output", "No space left"])
    }
    // Training does not stop for it, and its end keeps its own exit code.
    expectRefusal(
      try workspace.troupe("train", "small.json", "--json", wrapper: full), code: 1, saying: ["standard output"])
    #expect(try workspace.checkpointSteps("checkpoints/small").last == 60)
    expectRefusal(try workspace.troupe("evaluate", "nowhere", wrapper: full), code: 2, saying: ["nowhere"])
  }

  /// The shell's limit on file sizes: the kernel answers as a disk does that has no room, and with a signal too.
  @Test func recordsThatCannotGrow() throws {
    let result = try workspace.troupe(
      "train", "small.json", "--set", "training.duration=100 epochs", wrapper: "ulimit -f 200; exec \"$@\"")
    expectRefusal(result, code: 1, saying: ["metrics.jsonl", "File too large"])
    try workspace.succeed("verify", "checkpoints/small")
    // With room again the run continues, and no line is torn or missing.
    let resumed = try workspace.succeed(
      "train", "small.json", "--resume", "--set", "training.duration=100 epochs", "--json")
    #expect(try resumed.json()["step"]?.integer == 1500)
    #expect(try workspace.recordedSteps("checkpoints/small") == Array(1...1500))
  }

  @Test func aCheckpointThatCannotBeWritten() throws {
    // Checkpoints that are larger than the records, and a limit between the two.
    let settings = ["--set", "norms.every=1000 steps", "--set", "model.width=100"]
    let first = try TroupeProcess(["train", "small.json"] + settings, in: workspace.url).wait()
    #expect(first.exitCode == 0, "\(first.errors)")
    let kept = try workspace.snapshot("checkpoints/small").filter { $0.key.contains(".h5") }
    let result = try TroupeProcess(
      ["train", "small.json", "--resume", "--set", "training.duration=8 epochs"] + settings,
      wrapper: "ulimit -f 300; exec \"$@\"", in: workspace.url
    ).wait()
    expectRefusal(result, code: 1, saying: ["checkpoint of step", "not saved", "File too large"])
    #expect(try workspace.snapshot("checkpoints/small").filter { $0.key.contains(".h5") } == kept)
    try workspace.succeed("verify", "checkpoints/small")
  }

  // A file system of its own in a name space of its own, which ends with the process.
  private static let canMount =
    (try? TroupeProcess([], wrapper: "exec unshare -m mount -t tmpfs none /mnt", in: URL(fileURLWithPath: "/")).wait())?
    .exitCode == 0

  /// Runs troupe with a small disk mounted on `disk`, which is copied to `left` afterwards.
  private func onSmallDisk(_ options: String, _ arguments: String...) throws -> TroupeResult {
    let script = """
      mkdir -p disk; exec unshare -m sh -c 'mount -t tmpfs -o \(options) none disk && "$@"; code=$?
      cp -r disk left; exit $code' sh "$@"
      """
    return try TroupeProcess(arguments, wrapper: script, in: workspace.url).wait()
  }

  @Test(.enabled(if: canMount, "file systems cannot be mounted here")) func aDiskThatFillsUp() throws {
    let result = try onSmallDisk(
      "size=3m", "train", "small.json", "--run-dir", "disk/run", "--set", "training.duration=200 epochs")
    expectRefusal(result, code: 1, saying: ["disk/run"])
    #expect(result.errors.contains("No space left") || result.errors.contains("bytes free"), "\(result.errors)")
    let steps = try workspace.checkpointSteps("left/run")
    #expect(!steps.isEmpty)
    try workspace.succeed("verify", "left/run")
    let resumed = try workspace.succeed(
      "train", "small.json", "--resume", "--run-dir", "left/run", "--set", "training.duration=200 epochs", "--json")
    #expect(try resumed.json()["step"]?.integer == 3000)
    #expect(try workspace.recordedSteps("left/run") == Array(1...3000))
  }

  /// A full disk ends a sweep and fails no trial: with room again all of them are trained.
  @Test(.enabled(if: canMount, "file systems cannot be mounted here")) func aSweepOnADiskThatFillsUp() throws {
    try workspace.write(
      """
      {
        "name": "s", "base": "small.json", "method": "grid", "metric": {"name": "validation.loss"}, "retries": 0,
        "overrides": {"training.duration": "120 epochs"},
        "parameters": {"model.activation": {"values": ["relu", "tanh"]}}
      }
      """, "s.json")
    for size in ["1500k", "2000k", "2500k"] {
      let result = try onSmallDisk("size=\(size)", "sweep", "s.json", "--sweep-dir", "disk/s")
      expectRefusal(result, code: 1, saying: ["disk/s"])
      #expect(!(try workspace.text("left/s/journal.jsonl").contains(#""state":"failed""#)), "\(size)")
      let resumed = try workspace.succeed("sweep", "s.json", "--sweep-dir", "left/s", "--resume", "--json").json()
      #expect(resumed["finished"]?.integer == 2 && resumed["failed"]?.integer == 0, "\(size)")
      try FileManager.default.removeItem(at: workspace.file("left"))
    }
  }

  @Test(.enabled(if: canMount, "file systems cannot be mounted here")) func aDiskTooSmallFromTheStart() throws {
    let result = try onSmallDisk(
      "size=1m", "train", "small.json", "--run-dir", "disk/run", "--set", "model.width=200")
    expectRefusal(result, code: 1, saying: ["disk/run", "free", "keep_last"])
    #expect(!workspace.exists("left/run"))
  }

  @Test(.enabled(if: canMount, "file systems cannot be mounted here")) func aReadOnlyDisk() throws {
    let result = try onSmallDisk("ro", "train", "small.json", "--run-dir", "disk/run")
    expectRefusal(result, code: 1, saying: ["disk/run", "Read-only file system"])
  }
}
