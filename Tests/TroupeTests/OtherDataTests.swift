import Foundation
import JSON
import TestSupport
import Testing

/// Data that are not those of the training are not evaluated without a word.
@Suite struct OtherDataTests {
  let workspace: Workspace

  init() throws {
    workspace = try .withSmallConfiguration()
    try write(rows)
  }

  private let rows = (0..<60).map { "\($0 % 7),\($0),\($0 % 2 == 0 ? "cat" : "dog")" }

  private func write(_ rows: [String], header: String = "a,b,class") throws {
    try workspace.write(([header] + rows).joined(separator: "\n") + "\n", "t.csv")
  }

  private func train() throws {
    let data = #"data={"type":"csv","file":"t.csv","target":"class","batch_size":8,"validation_fraction":0.2}"#
    let arguments = ["train", "small.json", "--set", data, "--run-dir", "run"]
    let result = try TroupeProcess(arguments, in: workspace.url).wait()
    try #require(result.exitCode == 0, "\(result.errors)")
  }

  @Test func tablesThatChanged() throws {
    try train()
    let before = try workspace.succeed("evaluate", "run", "--split", "validation", "--json").json()
    let swapped = rows.map { row in
      let cells = row.split(separator: ",")
      return "\(cells[1]),\(cells[0]),\(cells[2])"
    }
    for changed in [swapped, rows.reversed(), rows + ["3,99,cat"], Array(rows.dropLast())] {
      try write(changed)
      try workspace.refuse(
        "evaluate", "run", "--split", "validation", saying: ["t.csv", "not the data", "fingerprint", "--other-data"])
      let other = try workspace.succeed("evaluate", "run", "--split", "validation", "--other-data", "--json")
      #expect(other.errors.contains("not the data"))
      #expect(try other.json()["loss"] != nil)
    }
    // The same values written anew are the same data.
    try write(rows.map { $0.replacing(",", with: " ,") })
    let again = try workspace.succeed("evaluate", "run", "--split", "validation", "--json").json()
    #expect(again["loss"] == before["loss"])
  }

  /// Classes of other names are refused, even where their order leaves every label in its place.
  @Test func classesThatChanged() throws {
    try train()
    try write(rows.map { $0.replacing("cat", with: "eel").replacing("dog", with: "fox") })
    for options in [[], ["--other-data"]] {
      let result = try TroupeProcess(["evaluate", "run", "--split", "train"] + options, in: workspace.url).wait()
      expectRefusal(result, code: 2, saying: ["t.csv", "class 0", "eel", "cat"])
    }
    try write(rows.map { $0.replacing("cat", with: "zebra") })
    try workspace.refuse("evaluate", "run", "--split", "train", saying: ["class 0", "dog", "cat"])
  }

  /// Generated samples are described without drawing them, with the same numbers.
  @Test func describeDrawsNothing() throws {
    for data in [
      #""type": "noise", "count": 2000000, "shape": [64], "classes": 10"#,
      #""type": "spirals", "classes": 5, "points_per_class": 100000, "standardize": true"#,
    ] {
      let result = try TroupeProcess(
        ["describe", "small.json", "--set", "data={\(data), \"batch_size\": 32}", "--json"], in: workspace.url
      ).wait(limit: 20)
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(try result.json()["steps"]?.integer ?? 0 > 10_000)
    }
  }
}
