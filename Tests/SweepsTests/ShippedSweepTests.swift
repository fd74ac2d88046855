import Configuration
import Foundation
import JSON
import Sweeps
import Testing

/// The sweep files that come with the project, and their schema.
@Suite struct ShippedSweepTests {
  static let configs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Configs")

  static let names =
    ((try? FileManager.default.contentsOfDirectory(atPath: configs.appending(path: "sweeps").path)) ?? [])
    .filter { $0.hasSuffix(".json") }.sorted()

  @Test func someAreShipped() { #expect(Self.names.count >= 3) }

  @Test(arguments: names) func everyPointIsAConfiguration(_ name: String) throws {
    let definition = try SweepDefinition(file: Self.configs.appending(path: "sweeps/\(name)").path)
    #expect(try definition.checkSpace(microBatches: 2) != nil)
    // What a sweep's folder keeps is the same sweep.
    let again = try SweepDefinition(definition.stored, folder: URL(fileURLWithPath: "/nowhere"))
    #expect(again.identity == definition.identity && again.stored == definition.stored)
  }

  @Test(arguments: names) func noKeyCanBeMisspelt(_ name: String) throws {
    let file = Self.configs.appending(path: "sweeps/\(name)").path
    let json = try ConfigurationFile.load(file)
    for member in json.members ?? [] where member.key != "$schema" {
      let broken = JSON(.object((json.members ?? []).map { $0.key == member.key ? .init($0.key + "x", $0.value) : $0 }))
      let error = #expect(throws: ConfigurationError.self) {
        try SweepDefinition(broken, folder: URL(fileURLWithPath: file).deletingLastPathComponent())
      }
      #expect(error?.description.contains(member.key) == true, "\(String(describing: error))")
    }
  }

  @Test func theSchemaIsTheDecodersOwn() throws {
    let file = Self.configs.appending(path: "schema/sweep.schema.json")
    let written = try JSONParser.parse(String(contentsOf: file, encoding: .utf8), file: file.path)
    #expect(written == SweepSchema.sweep, "write it anew with: make schema")
    let properties = SweepSchema.sweep["properties"]
    #expect(properties?["parameters"]?["additionalProperties"]?["properties"]?["distribution"]?["enum"] != nil)
    #expect(SweepSchema.sweep["additionalProperties"]?.boolean == false)
  }

  @Test func theExampleOfTheDocumentsIsASweep() throws {
    let page = try String(
      contentsOf: Self.configs.deletingLastPathComponent().appending(path: "docs/sweeps.md"), encoding: .utf8)
    let start = try #require(page.range(of: #""name": "rates""#))
    let head = try #require(page[..<start.lowerBound].range(of: "```json\n", options: .backwards))
    let end = try #require(page[start.upperBound...].range(of: "```"))
    let json = try JSONParser.parse(String(page[head.upperBound..<end.lowerBound]), file: "sweeps.md")
    let definition = try SweepDefinition(json, folder: Self.configs.appending(path: "sweeps"))
    try definition.checkSpace(microBatches: 2)
  }
}
