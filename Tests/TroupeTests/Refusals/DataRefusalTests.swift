import Foundation
import Testing

/// Data files that are missing, damaged or unlike the configuration.
@Suite struct DataRefusalTests {
  let workspace: Workspace

  init() throws { workspace = try .withSmallConfiguration() }

  /// Trains on `data`, which must be refused before a run folder is made.
  private func refuse(_ data: String, _ words: String..., location: SourceLocation = #_sourceLocation) throws {
    try workspace.refuse("train", "small.json", "--set", "data=\(data)", saying: words, location: location)
    #expect(!workspace.exists("checkpoints"), sourceLocation: location)
  }

  @Test func idxFiles() throws {
    // Sixty images of 4×4 pixels, ten classes.
    let whole = Data([0, 0, 8, 3, 0, 0, 0, 60, 0, 0, 0, 4, 0, 0, 0, 4]) + Data((0..<960).map { UInt8($0 % 251) })
    try workspace.write(whole, "drawn/images")
    try workspace.write(Data([0, 0, 8, 1, 0, 0, 0, 60]) + Data((0..<60).map { UInt8($0 % 10) }), "drawn/labels")
    let (images, labels) = ("images", "labels")
    func data(_ images: String, _ labels: String, _ more: String = "") -> String {
      #"{"type":"idx","images":"drawn/\#(images)","labels":"drawn/\#(labels)","batch_size":16\#(more)}"#
    }
    let training = try workspace.troupe(
      "train", "small.json", "--run-dir", "fine", "--set", "data=" + data(images, labels))
    #expect(training.exitCode == 0, "\(training.errors)")

    try refuse(data("nowhere", labels), "drawn/nowhere")
    try refuse(data(".", labels), "drawn/.")
    try workspace.write(whole.prefix(whole.count / 2), "drawn/short")
    try refuse(data("short", labels), "drawn/short", "expected", "found")
    try workspace.write(whole.prefix(3), "drawn/stub")
    try refuse(data("stub", labels), "drawn/stub", "expected", "found")
    try workspace.write(Data([9, 9, 9, 9]) + whole.dropFirst(4), "drawn/magic")
    try refuse(data("magic", labels), "drawn/magic", "expected", "found")
    try workspace.write(whole.prefix(4) + Data([0x7F, 0xFF, 0xFF, 0xFF]) + whole.dropFirst(8), "drawn/claims")
    try refuse(data("claims", labels), "drawn/claims", "expected", "found")
    try refuse(data(images, labels, #","classes":5"#), labels, "below 5", "sample")
    try refuse(data(labels, labels), labels, "rank")
    try workspace.write("not a gzip file", "drawn/images.gz")
    try refuse(data("images.gz", labels), "drawn/images.gz")
  }

  @Test func csvFiles() throws {
    func data(_ file: String) -> String { #"{"type":"csv","file":"\#(file)","target":"class","batch_size":4}"# }
    let rows = (0..<40).map { "\($0),\($0 % 7),\($0 % 3)" }
    func write(_ name: String, _ line: Int, _ text: String) throws {
      var changed = ["a,b,class"] + rows
      changed[line - 1] = text
      try workspace.write(changed.joined(separator: "\n") + "\n", name)
    }
    try write("nan.csv", 9, "1,nan,2")
    try refuse(data("nan.csv"), "nan.csv", "line 9", "nan")
    try write("ragged.csv", 12, "1,2")
    try refuse(data("ragged.csv"), "ragged.csv", "line 12", "3", "2")
    try write("word.csv", 5, "1,two,0")
    try refuse(data("word.csv"), "word.csv", "line 5", "two")
    try write("column.csv", 1, "a,b,c")
    try refuse(data("column.csv"), "column.csv", "class")
    try workspace.write("a,b,class\n", "rows.csv")
    try refuse(data("rows.csv"), "rows.csv")
    try workspace.write("", "empty.csv")
    try refuse(data("empty.csv"), "empty.csv")
    try workspace.write(Data([0x61, 0xFF, 0x00, 0x0A]), "binary.csv")
    try refuse(data("binary.csv"), "binary.csv")
    try refuse(data("nowhere.csv"), "nowhere.csv")
    try refuse(#"{"type":"csv","batch_size":4}"#, "data", "\"file\"")
  }

  /// A checkpoint is an HDF5 file like another: its tensors serve as data here.
  @Test func hdf5Files() throws {
    try workspace.succeed("train", "small.json", "--run-dir", "run")
    let file = "run/step-00000060.h5"
    func data(_ inputs: String, _ targets: String, _ file: String) -> String {
      #"{"type":"hdf5","file":"\#(file)","inputs":"\#(inputs)","targets":"\#(targets)","batch_size":4}"#
    }
    let weight = "parameters/hidden.0.weight"
    let fine = try workspace.troupe(
      "train", "small.json", "--run-dir", "fine", "--set", "data=" + data(weight, "parameters/hidden.0.bias", file),
      "--set", #"loss={"type":"mse"}"#)
    #expect(fine.exitCode == 0, "\(fine.errors)")

    try refuse(data("parameters/hidden.0.bias", weight, file), file, "hidden.0.bias", "[16]")
    try refuse(data(weight, "parameters/head.bias", file), file, "head.bias", "16", "3")
    try refuse(data("parameters/nothing", weight, file), file, "parameters/nothing")
    try refuse(data(weight, weight, "small.json"), "small.json", "HDF5")
    try refuse(data(weight, weight, "nowhere.h5"), "nowhere.h5")
    let whole = try workspace.bytes(file)
    for share in [1, 2, 3] {
      try workspace.write(whole.prefix(whole.count * share / 4), "short.h5")
      try refuse(data(weight, "parameters/hidden.0.bias", "short.h5"), "short.h5")
    }
  }
}
