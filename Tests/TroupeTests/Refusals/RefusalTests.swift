import Configuration
import Foundation
import Testing

/// Configurations that are wrong: one line each, with the place, and nothing is made.
@Suite struct RefusalTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  struct Mistake: Sendable, CustomTestStringConvertible {
    let setting: String
    let words: [String]
    var testDescription: String { setting }
  }

  static let mistakes = [
    Mistake(setting: "model.activaton=relu", words: ["model.activaton", "unknown key", "\"activation\""]),
    Mistake(setting: "modle={}", words: ["modle", "\"model\""]),
    Mistake(setting: "model.activation=rleu", words: ["model.activation", "rleu", "relu"]),
    Mistake(setting: "model.type=mpl", words: ["model.type", "mpl", "mlp"]),
    Mistake(setting: "optimizer.type=adamm", words: ["optimizer.type", "adamm", "adam"]),
    Mistake(setting: "model.width=\"16\"", words: ["model.width", "whole number", "16"]),
    Mistake(setting: "model.width=1.5", words: ["model.width", "1.5"]),
    Mistake(setting: "model.depth=-1", words: ["model.depth", "-1", "0 to"]),
    Mistake(setting: "model.dropout=1", words: ["model.dropout", "1"]),
    Mistake(setting: "optimizer.learning_rate=\"1e-4\"", words: ["optimizer.learning_rate", "number", "1e-4"]),
    Mistake(setting: "optimizer.learning_rate=-1", words: ["optimizer.learning_rate", "-1"]),
    Mistake(setting: "training.duration=4", words: ["training.duration", "4", "epochs"]),
    Mistake(setting: "training.duration=4 epoches", words: ["training.duration", "4 epoches"]),
    Mistake(setting: "training.micro_batches=3", words: ["training.micro_batches", "3", "32"]),
    Mistake(setting: "training.early_stopping={\"min_delta\": 1}", words: ["min_delta", "patience"]),
    Mistake(setting: "data.batch_size=4096", words: ["batch_size", "480", "4096"]),
    Mistake(setting: "data.validation_fraction=0.95", words: ["validation_fraction", "test_fraction"]),
    Mistake(setting: "loss={\"type\":\"mse\"}", words: ["loss.type", "mse", "cross_entropy"]),
    Mistake(
      setting: "loss={\"type\":\"cross_entropy\",\"class_weights\":[1,2]}", words: ["class_weights", "2", "3 classes"]),
    Mistake(setting: "name=../escape", words: ["name", "../escape"]),
    Mistake(setting: "extends=nowhere.json", words: ["extends"]),
  ]

  @Test(arguments: mistakes) func settingsAreRefused(mistake: Mistake) throws {
    try workspace.refuse("train", "small.json", "--set", mistake.setting, saying: mistake.words)
    #expect(try workspace.names(".") == ["small.json"])
  }

  /// A key that is missing may be there under a name that is nearly right.
  @Test(arguments: [
    ("\"width\"", "\"widht\"", [":8:", "model", "\"depth\" and \"width\"", "is \"widht\" meant to be \"width\"?"]),
    ("\"name\"", "\"nmae\"", [":2:", "\"name\" is missing", "is \"nmae\" meant to be \"name\"?"]),
  ])
  func misspeltKeysAreFound(key: String, slip: String, words: [String]) throws {
    try workspace.write(smallConfiguration.replacing(key, with: slip), "slip.json")
    try workspace.refuse("train", "slip.json", saying: ["slip.json"] + words)
    #expect(!workspace.exists("checkpoints"))
  }

  @Test func aModelWithoutParametersIsNotStarted() throws {
    let data = #"data={"type": "noise", "count": 100, "shape": [4], "classes": 4, "batch_size": 32}"#
    let model = #"model={"type": "layers", "layers": [{"type": "flatten"}]}"#
    try workspace.refuse(
      "train", "small.json", "--set", data, "--set", model, saying: ["model: has no parameters", "linear"])
    #expect(!workspace.exists("checkpoints"))
  }

  /// A class, a noise level or a source that no layer reads would silently have no effect.
  @Test func fieldsThatNoLayerReadsAreRefused() throws {
    let layers = #"""
      model={"type": "layers", "layers": [
        {"type": "conv2d", "filters": 2, "kernel": 3, "padding": 1}, {"type": "conv2d", "filters": 1, "kernel": 1}]}
      """#
    let glyphs = #"data={"type": "glyphs", "count": 100, "batch_size": 10}"#
    for (condition, unread) in [("class", #""time", "condition""#), ("none", #""time", which"#)] {
      try workspace.refuse(
        "train", "small.json", "--set", glyphs, "--set", layers, "--set", #"loss={"type": "mse"}"#, "--set",
        #"diffusion={"condition": "\#(condition)"}"#,
        saying: [#"model: no layer of "layers" reads "# + unread, "glyphs", #""unet" or "dit""#])
    }
    let pairs = #"data={"type": "sequence_task", "count": 100, "batch_size": 10}"#
    let transformer = #"model={"type": "transformer", "layers": 1, "width": 8, "heads": 1}"#
    try workspace.refuse(
      "train", "small.json", "--set", pairs, "--set", transformer,
      saying: [#"no layer of "transformer" reads "source", "source_lengths""#, "remove the field"])
    #expect(!workspace.exists("checkpoints"))
    // An optional field of a data set is no mistake.
    let shapes = #"data={"type": "shapes", "count": 60, "batch_size": 10}"#
    try workspace.succeed("describe", "small.json", "--set", shapes)
  }

  /// Products of values that are valid one by one must not overflow.
  @Test func aModelBeyondAnyMachineIsNotPlanned() throws {
    let data = #"data={"type": "noise", "count": 200000, "shape": [1], "classes": 2, "batch_size": 100000}"#
    let model = #"model={"type": "mlp", "depth": 600, "width": 1000000}"#
    try workspace.refuse(
      "describe", "small.json", "--set", data, "--set", model, saying: ["model: ", "parameters", "beyond any machine"])
  }

  @Test func earlyStoppingNeedsEvaluations() throws {
    try workspace.refuse(
      "describe", "small.json", "--set", "data.validation_fraction=0", "--set", "training.early_stopping.patience=2",
      saying: ["training.early_stopping.patience", "validation_fraction"])
  }

  @Test func aModelTooLargeForTheMachineIsNotStarted() throws {
    try workspace.refuse(
      "train", "small.json", "--set", "model.width=1000000", saying: ["memory", "TiB", "make the model smaller"])
    #expect(!workspace.exists("checkpoints"))
  }

  @Test func placesInTheFileAreNamed() throws {
    try workspace.write(smallConfiguration.replacing("\"seed\": 7", with: "\"seed\": 7, \"seed\": 8"), "twice.json")
    try workspace.refuse("describe", "twice.json", saying: ["twice.json:3:14", "\"seed\"", "twice"])
    try workspace.write(smallConfiguration.replacing("\"seed\": 7,", with: "\"seed\": 7"), "comma.json")
    try workspace.refuse("describe", "comma.json", saying: ["comma.json:4:3"])
    try workspace.write(smallConfiguration.replacing("\"dropout\"", with: "\"dropuot\""), "key.json")
    try workspace.refuse("describe", "key.json", saying: ["key.json:8:", "model.dropuot", "\"dropout\""])
    try workspace.write(String(smallConfiguration.dropLast(30)), "cut.json")
    try workspace.refuse("describe", "cut.json", saying: ["cut.json:13:"])
    try workspace.write("{\"extends\": \"itself.json\"}", "itself.json")
    try workspace.refuse("describe", "itself.json", saying: ["itself.json", "extends"])
  }

  @Test func pipesAreNotWaitedFor() throws {
    for name in ["start.h5", "start.safetensors", "text.txt", "tokenizer.json", "table.csv"] {
      workspace.makePipe(name)
    }
    for name in ["start.h5", "start.safetensors"] {
      try workspace.refuse("train", "small.json", "--init-from", name, saying: [name, "found a pipe"])
    }
    let tokenizer = #"{"type":"byte_pair","file":"tokenizer.json"}"#
    let text = #"data={"type":"text","files":"small.json","length":4,"tokenizer":\#(tokenizer)}"#
    try workspace.refuse("describe", "small.json", "--set", text, saying: ["tokenizer.json", "found a pipe"])
    try workspace.refuse("dataset", "inspect", "table.csv", saying: ["table.csv", "found a pipe"])
  }

  @Test func filesThatAreNoConfigurationAreRefused() throws {
    try workspace.refuse("describe", "nowhere.json", saying: ["nowhere.json", "no such"])
    try workspace.refuse("describe", ".", saying: [".", "found a folder"])
    try workspace.refuse("describe", "/dev/zero", saying: ["/dev/zero", "regular file"])
    workspace.makePipe("pipe.json")
    try workspace.refuse("describe", "pipe.json", saying: ["pipe.json", "found a pipe"])
    try workspace.write(Data(), "empty.json")
    try workspace.refuse("describe", "empty.json", saying: ["empty.json:1:1"])
    try workspace.write(Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 197) }), "binary.json")
    try workspace.refuse("describe", "binary.json", saying: ["binary.json:1:1"])
    try workspace.write(Data(repeating: 0x20, count: 17 << 20), "huge.json")
    try workspace.refuse("describe", "huge.json", saying: ["huge.json", "16 MiB"])
    try workspace.write(String(repeating: "[", count: 200_000), "deep.json")
    try workspace.refuse("describe", "deep.json", saying: ["deep.json:1:"])
    try workspace.write("[1, 2]", "list.json")
    try workspace.refuse("describe", "list.json", saying: ["list.json", "object"])
  }
}

/// Settings that could never take effect.
@Suite struct IdleSettingTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  @Test func weightsThatAreAllZero() throws {
    for weights in ["[0,0,0]", "[0.0, 0e5, 0]", "[1e-60,0,0]"] {
      try workspace.refuse(
        "train", "small.json", "--set", "loss={\"type\":\"cross_entropy\",\"class_weights\":\(weights)}",
        saying: ["loss.class_weights", "all 0"])
    }
    #expect(!workspace.exists("checkpoints"))
    try workspace.succeed(
      "train", "small.json", "--set", "training.duration=2 steps", "--set", "schedule.warmup=1 steps", "--set",
      "loss={\"type\":\"cross_entropy\",\"class_weights\":[0,0,1]}")
  }

  /// 15 steps in an epoch, 60 in all.
  @Test func poolsThatNeverKeepACheckpoint() throws {
    func settings(_ pairs: String...) -> [String] { pairs.flatMap { ["--set", $0] } }
    let idle = [
      (settings("checkpoints.keep_best=2", "checkpoints.every=14 steps"), "keep_best"),
      (
        settings("checkpoints.keep_best=3", "checkpoints.every=8 steps", "training.validate_every=15 steps"),
        "keep_best"
      ),
      (settings("checkpoints.keep_best=2", "data.validation_fraction=0"), "keep_best"),
      (settings("checkpoints.keep_every=11 steps", "checkpoints.every=6 steps"), "keep_every"),
    ]
    for (options, key) in idle {
      let result = try TroupeProcess(["train", "small.json"] + options, in: workspace.url).wait()
      expectRefusal(result, code: 2, saying: ["checkpoints.\(key)"])
      expectRefusal(
        try TroupeProcess(["describe", "small.json"] + options, in: workspace.url).wait(), code: 2, saying: [key])
    }
    #expect(!workspace.exists("checkpoints"))
    let useful = [
      settings("checkpoints.keep_best=2", "checkpoints.every=5 steps"),
      settings("checkpoints.keep_best=2", "checkpoints.every=100 steps"),
      settings("checkpoints.keep_every=10 steps", "checkpoints.every=6 steps"),
      settings("checkpoints.every=14 steps"),
    ]
    for options in useful {
      let result = try TroupeProcess(["describe", "small.json"] + options, in: workspace.url).wait()
      #expect(result.exitCode == 0, "\(options): \(result.errors)")
    }
  }
}
