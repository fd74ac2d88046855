import Foundation
import Testing

/// Mistakes with language models, each refused in one line.
@Suite struct SequenceRefusalTests {
  let workspace: Workspace

  init() throws {
    workspace = try .withSmallConfiguration()
    try workspace.write(String(repeating: "to be or not to be, ", count: 60), "text.txt")
  }

  private static let text = #"data={"type":"text","files":"text.txt","length":8,"batch_size":4"#
  private static let gpt = #"model={"type":"transformer","layers":1,"heads":2,"width":8}"#
  private static let lstm = #"model={"type":"recurrent","units":8"#

  private func refuse(_ settings: [String], saying words: [String]) throws {
    let arguments = ["describe", "small.json"] + settings.flatMap { ["--set", $0] }
    expectRefusal(try TroupeProcess(arguments, in: workspace.url).wait(), code: 2, saying: words)
  }

  @Test func ordersAndStatesMustFit() throws {
    try refuse([Self.text + #","order":"streams"}"#, Self.gpt], saying: ["data.order", "streams", "carry"])
    try refuse([Self.text + "}", Self.lstm + #","carry":true}"#], saying: ["model.carry", "streams"])
  }

  @Test func tokensAndValuesAreToldApart() throws {
    try refuse(
      [Self.text + "}", #"model={"type":"mlp","depth":1,"width":4}"#], saying: ["whole numbers", "embedding"])
    try refuse([Self.gpt], saying: ["sequences of tokens"])
    try refuse(
      [Self.text + "}", #"model={"type":"layers","layers":[{"type":"embedding","vocabulary":100,"width":256}]}"#],
      saying: ["below 100", "255"])
  }

  @Test func headsMustDivideTheWidth() throws {
    try refuse(
      [Self.text + "}", #"model={"type":"transformer","layers":1,"heads":3,"width":8}"#],
      saying: ["3 heads", "width of 8"])
  }
}
