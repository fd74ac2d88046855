import Foundation
import Testing

/// Names from data, folders and files: a terminal shows them and is not commanded by them.
@Suite struct ForeignTextTests {
  let workspace: Workspace

  /// A line end, terminal commands in seven and in eight bits, a tab, and a change of the writing direction.
  private static let names = ["one\ntwo", "\u{1B}[31mred\u{1B}]0;title\u{7}", "\u{9B}2J", "tab\there", "\u{202E}back"]

  init() throws {
    workspace = try .withSmallConfiguration()
    let rows = (0..<150).map { "\(Double($0 % 5) + Double($0) / 500),\($0 % 7),\"\(Self.names[$0 % 5])\"" }
    try workspace.write("a,b,class\n" + rows.joined(separator: "\n") + "\n", "escapes.csv")
    let data = #"{"type": "csv", "file": "escapes.csv", "target": "class", "batch_size": 10, "standardize": true}"#
    try workspace.write(
      """
      {"name": "escapes", "data": \(data), "model": {"type": "mlp", "widths": [8]},
       "training": {"duration": "3 epochs", "micro_batches": 1}}
      """, "escapes.json")
  }

  private func expectHarmless(_ result: TroupeResult, _ location: SourceLocation = #_sourceLocation) {
    for scalar in (result.output + result.errors).unicodeScalars {
      let isHarmless = scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control
      #expect(isHarmless && scalar != "\u{202E}", "\(result.output)", sourceLocation: location)
    }
  }

  @Test func classNamesAreShownAsText() throws {
    expectHarmless(try workspace.succeed("train", "escapes.json", "--run-dir", "run"))
    let result = try workspace.succeed("evaluate", "run", "--split", "train")
    expectHarmless(result)
    for name in [#"one\ntwo"#, #"\u{1B}[31mred\u{1B}]0;title\u{7}"#, #"\u{9B}2J"#, #"tab\there"#, #"\u{202E}back"#] {
      #expect(result.outputLines.count { $0.hasPrefix(name) } == 1, "\(result.output)")
    }
    expectHarmless(try workspace.succeed("dataset", "inspect", "escapes.csv"))
    let json = try workspace.succeed("dataset", "inspect", "escapes.csv", "--json")
    expectHarmless(json)
    _ = try json.json()
    expectHarmless(try workspace.succeed("describe", "escapes.json"))
  }

  @Test func namesOfFilesAreShownAsText() throws {
    let name = "\u{1B}[31m\n.csv"
    expectHarmless(try workspace.troupe("dataset", "inspect", name))
    expectHarmless(try workspace.troupe("train", "escapes.json", "--run-dir", "x\u{1B}[2Jy"))
    expectHarmless(try workspace.succeed("runs", "."))
    expectHarmless(try workspace.troupe("train", "small.json", "--resume", "--run-dir", "no\u{1B}c"))
    expectHarmless(try workspace.troupe("\u{1B}c"))
    expectHarmless(try workspace.troupe("train", "small.json", "--set", "model.\u{1B}c=1"))
  }
}
