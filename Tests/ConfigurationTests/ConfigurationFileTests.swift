import Configuration
import Foundation
import JSON
import TestSupport
import Testing

extension TemporaryFolder {
  fileprivate convenience init(_ files: [String: String]) throws {
    try self.init()
    for (name, text) in files { try write(text, name) }
  }

  fileprivate func load(_ name: String) throws(ConfigurationError) -> JSON { try ConfigurationFile.load(path(name)) }
}

@Suite struct ExtendingTests {
  @Test func laysAFileOverItsParent() throws {
    let folder = try TemporaryFolder([
      "child.json": #"""
      {"extends": "base/parent.json", "name": "child", "model": {"width": 8}, "list": [9],
       "optimizer": {"type": "sgd", "momentum": 0.9}}
      """#,
      "base/parent.json": #"""
      {"extends": "grand.json", "name": "parent", "model": {"type": "mlp", "width": 4, "depth": 2}, "list": [1, 2]}
      """#,
      "base/grand.json": #"{"seed": 7, "optimizer": {"type": "adamw", "betas": [0.9, 0.99]}}"#,
    ])
    let json = try folder.load("child.json")
    // Another type is another component, so no key of the old one stays.
    #expect(
      json.compactText
        == #"{"seed":7,"optimizer":{"type":"sgd","momentum":0.9},"name":"child","#
        + #""model":{"type":"mlp","width":8,"depth":2},"list":[9]}"#)
    #expect(json["model"]?["depth"]?.location?.file == folder.url.appending(path: "base/parent.json").path)
    #expect(json["model"]?["width"]?.location?.file.hasSuffix("child.json") == true)
  }

  @Test func theSameTypeIsMerged() throws {
    let folder = try TemporaryFolder([
      "a.json": #"{"extends": "b.json", "optimizer": {"type": "sgd", "momentum": 0}}"#,
      "b.json": #"{"optimizer": {"type": "sgd", "learning_rate": 1}}"#,
    ])
    #expect(try folder.load("a.json").compactText == #"{"optimizer":{"type":"sgd","learning_rate":1,"momentum":0}}"#)
  }

  @Test func aValueReplacesAnObject() throws {
    let base = try JSONParser.parse(#"{"initializer": {"type": "normal"}, "a": 1}"#, file: "b")
    let child = try JSONParser.parse(#"{"initializer": "zeros"}"#, file: "c")
    #expect(child.merged(onto: base).compactText == #"{"initializer":"zeros","a":1}"#)
    #expect(base.merged(onto: child).compactText == #"{"initializer":{"type":"normal"},"a":1}"#)
  }

  @Test func refusesCircles() throws {
    let folder = try TemporaryFolder([
      "a.json": #"{"extends": "b.json"}"#, "b.json": #"{"extends": "./x/../a.json"}"#,
      "c.json": #"{"extends": "c.json"}"#,
    ])
    for name in ["a.json", "c.json"] {
      let error = #expect(throws: ConfigurationError.self) { _ = try folder.load(name) }
      #expect(error?.path == "extends" && error?.message.contains("extends itself") == true)
    }
  }

  @Test func refusesALongChain() throws {
    let files = (0..<40).map { ("\($0).json", #"{"extends": "\#($0 + 1).json"}"#) }
    let folder = try TemporaryFolder(Dictionary(uniqueKeysWithValues: files + [("40.json", "{}")]))
    let error = #expect(throws: ConfigurationError.self) { _ = try folder.load("0.json") }
    #expect(error?.message.contains("more than 16 files") == true)
    #expect(try folder.load("30.json") == .object([]))
  }

  @Test func errorsNameTheFile() throws {
    let folder = try TemporaryFolder([
      "missing.json": #"{"extends": "nowhere.json"}"#, "number.json": #"{"extends": 3}"#, "list.json": "[1]",
      "broken.json": #"{"extends": "bad.json"}"#, "bad.json": "{\n  \"a\": }", "folder.json/x": "", "empty.json": "",
    ])
    for (name, words) in [
      ("missing.json", "nowhere.json: no such configuration file"), ("none.json", "no such configuration file"),
      ("number.json", "extends: expected the path of another file, found a number 3"),
      ("list.json", "list.json:1:1: expected an object, found an array"), ("broken.json", "bad.json:2:8: not JSON"),
      ("folder.json", "found a folder"), ("empty.json", "empty.json:1:1: not JSON"),
    ] {
      let error = #expect(throws: ConfigurationError.self) { _ = try folder.load(name) }
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
  }

  @Test(.timeLimit(.minutes(1))) func refusesEndlessFiles() throws {
    let folder = try TemporaryFolder()
    folder.makePipe("pipe.json")
    try folder.write(#"{"extends": "pipe.json"}"#, "child.json")
    for path in ["/dev/zero", folder.path("pipe.json"), folder.path("child.json")] {
      let error = #expect(throws: ConfigurationError.self) { _ = try ConfigurationFile.load(path) }
      #expect(error?.message.contains("expected a regular file") == true)
    }
    try folder.write([UInt8](repeating: 0x20, count: 17 << 20), "huge.json")
    let error = #expect(throws: ConfigurationError.self) { _ = try folder.load("huge.json") }
    #expect(error?.message.contains("larger than 16 MiB") == true)
  }
}

@Suite struct OverrideTests {
  private let base =
    #"{"optimizer": {"type": "adamw", "betas": [0.9, 0.99]}, "model": {"widths": [3, 4]}, "name": "a"}"#

  static let changes: [(String, String)] = [
    ("name=b", #"{"optimizer":{"type":"adamw","betas":[0.9,0.99]},"model":{"widths":[3,4]},"name":"b"}"#),
    ("name=a=b", #"{"optimizer":{"type":"adamw","betas":[0.9,0.99]},"model":{"widths":[3,4]},"name":"a=b"}"#),
    ("name=", #"{"optimizer":{"type":"adamw","betas":[0.9,0.99]},"model":{"widths":[3,4]},"name":""}"#),
    ("model.widths.1=5", #"{"optimizer":{"type":"adamw","betas":[0.9,0.99]},"model":{"widths":[3,5]},"name":"a"}"#),
    ("model.widths=[1]", #"{"optimizer":{"type":"adamw","betas":[0.9,0.99]},"model":{"widths":[1]},"name":"a"}"#),
    (
      "optimizer.betas.0=1e-3",
      #"{"optimizer":{"type":"adamw","betas":[1e-3,0.99]},"model":{"widths":[3,4]},"name":"a"}"#
    ),
    ("optimizer.type=sgd", #"{"optimizer":{"type":"sgd"},"model":{"widths":[3,4]},"name":"a"}"#),
    (
      "optimizer.type=adamw",
      #"{"optimizer":{"type":"adamw","betas":[0.9,0.99]},"model":{"widths":[3,4]},"name":"a"}"#
    ),
    (
      #"training.ema={"decay": 0.9}"#,
      #"{"optimizer":{"type":"adamw","betas":[0.9,0.99]},"model":{"widths":[3,4]},"name":"a","#
        + #""training":{"ema":{"decay":0.9}}}"#
    ),
    (
      "training.duration=5 epochs",
      #"{"optimizer":{"type":"adamw","betas":[0.9,0.99]},"model":{"widths":[3,4]},"name":"a","#
        + #""training":{"duration":"5 epochs"}}"#
    ),
  ]

  @Test(arguments: changes) func replacesOneValue(_ assignment: String, _ expected: String) throws {
    #expect(try JSONParser.parse(base, file: "c").setting(assignment).compactText == expected)
  }

  @Test(arguments: [
    ("name", "expected key=value"), ("=3", "expected key=value"), ("", "expected key=value"),
    ("name.first=3", "\"first\" is not a key of a string, which has none"),
    ("model.widths.2=3", "\"2\" is not an index into a list of 2"),
    ("model.widths.-1=3", "\"-1\" is not an index"), ("model.widths.x=3", "\"x\" is not an index"),
    ("model.widths.0.a=3", "\"a\" is not a key of a number"),
  ])
  func refuses(_ assignment: String, _ words: String) throws {
    let json = try JSONParser.parse(base, file: "c")
    let error = #expect(throws: ConfigurationError.self) { _ = try json.setting(assignment) }
    #expect(error?.message.contains("--set") == true && error?.message.contains(words) == true)
  }
}
