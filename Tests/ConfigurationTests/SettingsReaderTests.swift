import Configuration
import JSON
import Testing

/// A bit of everything that a component can read.
private struct Sample: Settings {
  enum Color: String, CaseIterable, Sendable { case red, green, blue }

  struct Part: Settings {
    let size: Int
    init(from reader: SettingsReader) throws(ConfigurationError) {
      size = try reader.integer("size", default: 4, in: 1...100, "how large")
    }
  }

  let count: Int
  let rate: Double
  let flag: Bool
  let color: Color
  let title: String
  let length: TrainingDuration
  let automatic: Int?
  let weights: [Double]?
  let pair: [Double]
  let part: Part
  let parts: [Part]

  init(from reader: SettingsReader) throws(ConfigurationError) {
    count = try reader.integer("count", in: 1...10, "how many")
    rate = try reader.number("rate", default: 0.5, in: 0...1, above: true, "how fast")
    flag = try reader.boolean("flag", default: false, "whether")
    color = try reader.choice("color", default: .red, "which")
    title = try reader.string("title", default: "a", pattern: "^[a-z]+$", "what")
    length = try reader.duration("length", default: TrainingDuration(5, .epochs), "how long")
    automatic = try reader.automaticInteger("automatic", in: 1...8, "how many, or what fits")
    weights = try reader.optionalNumbers("weights", in: 0...9, "one each")
    pair = try reader.numbers("pair", default: [1, 2], in: 0...9, "two")
    part = try reader.object("part", Part.self, "a part")
    parts = try reader.objects("parts", of: Part.self, "more parts")
    try reader.require(rate < 1 || !flag, "flag", "needs a rate below 1")
  }
}

@Suite struct SettingsReaderTests {
  private func read(_ text: String) throws -> (sample: Sample, resolved: JSON) {
    let reader = try SettingsReader(try JSONParser.parse(text, file: "s.json"), path: "sample")
    return (try reader.decode(Sample.init(from:)), reader.resolved)
  }

  @Test(.timeLimit(.minutes(1))) func readsAnObjectOfVeryManyKeys() throws {
    let keys = (0..<200_000).map { ("k\($0)", JSON.integer($0)) }
    let object = JSON.object(keys + [("count", .integer(3))])
    let other = JSON.object(keys.map { ("\($0.0)x", $0.1) })
    #expect(object.merged(onto: other).members?.count == 400_001)
    for json in [object, other] {
      let error = #expect(throws: ConfigurationError.self) { try SettingsReader(json).decode(Sample.init(from:)) }
      #expect(error?.description.contains(json == object ? "unknown key" : "\"count\" is missing") == true)
    }
  }

  @Test func fillsInEveryDefault() throws {
    let (sample, resolved) = try read(#"{"count": 3}"#)
    #expect(sample.rate == 0.5 && sample.color == .red && sample.automatic == nil && sample.part.size == 4)
    #expect(
      resolved.compactText
        == #"{"count":3,"rate":0.5,"flag":false,"color":"red","title":"a","length":"5 epochs","automatic":"auto","#
        + #""pair":[1,2],"part":{"size":4},"parts":[]}"#)
    #expect(try read(resolved.compactText).resolved == resolved)
  }

  @Test func readsWrittenValues() throws {
    let sample = try read(
      #"""
      {"count": 1e1, "rate": 1, "color": "blue", "title": "xy", "length": "1 step", "automatic": 8, "weights": [0, 9.0],
       "pair": [3, 4], "part": {"size": 9}, "parts": [{}, {"size": 2}]}
      """#
    ).sample
    #expect(sample.count == 10 && sample.length == TrainingDuration(1, .steps) && sample.automatic == 8)
    #expect(sample.weights == [0, 9] && sample.pair == [3, 4] && sample.parts.map(\.size) == [4, 2])
  }

  static let refused: [(String, String)] = [
    ("[]", "s.json:1:1: sample: expected an object, found an array []"),
    ("{}", #"s.json:1:1: sample: the key "count" is missing (how many)"#),
    (
      #"{"rate": 1, "cuont": 3}"#,
      #"s.json:1:22: sample: the key "count" is missing (how many); is "cuont" meant to be "count"?"#
    ),
    (
      #"{"colour": "red"}"#,
      #"s.json:1:12: sample: the key "count" is missing (how many); is "colour" meant to be "color"?"#
    ),
    (#"{"mauve": 1}"#, #"s.json:1:1: sample: the key "count" is missing (how many)"#),
    (#"{"count": 11}"#, "s.json:1:11: sample.count: 11 is out of range: expected 1 to 10"),
    (#"{"count": 2.5}"#, "s.json:1:11: sample.count: expected a whole number, found a number 2.5"),
    (#"{"count": "3"}"#, #"sample.count: expected a whole number, found a string "3"; remove the quotes"#),
    (#"{"count": null}"#, "sample.count: expected a whole number, found null null"),
    (#"{"count": 3, "rate": 0}"#, "sample.rate: 0 is out of range: expected above 0 and at most 1"),
    (#"{"count": 3, "rate": 1e999}"#, "sample.rate: expected a number below 1.8e308, found a number 1e999"),
    (#"{"count": 3, "flag": 1}"#, "sample.flag: expected true or false, found a number 1"),
    (#"{"count": 3, "flag": true, "rate": 1}"#, "s.json:1:22: sample.flag: needs a rate below 1"),
    (#"{"count": 3, "color": "gren"}"#, #"sample.color: unknown value "gren", did you mean "green"?"#),
    (#"{"count": 3, "color": "mauve and more"}"#, "; known: blue, green, red"),
    (#"{"count": 3, "color": 1}"#, "sample.color: expected one of the strings red, green, blue, found a number 1"),
    (#"{"count": 3, "title": "A1"}"#, #"sample.title: "A1" does not have the form ^[a-z]+$"#),
    (
      #"{"count": 3, "length": 5}"#,
      #"expected a whole number with its unit, such as "5 epochs" or "2000 steps", found a number 5"#
    ),
    (#"{"count": 3, "length": "0 steps"}"#, #"sample.length: "0 steps" is out of range: expected at least 1"#),
    (#"{"count": 3, "automatic": "many"}"#, #"sample.automatic: expected "auto" or a whole number"#),
    (#"{"count": 3, "automatic": 9}"#, "sample.automatic: 9 is out of range"),
    (#"{"count": 3, "weights": []}"#, "sample.weights: expected a list of at least 1, found an array []"),
    (#"{"count": 3, "weights": 1}"#, "sample.weights: expected a list, found a number 1"),
    (#"{"count": 3, "weights": [1, 10]}"#, "s.json:1:29: sample.weights[1]: 10 is out of range"),
    (#"{"count": 3, "pair": [1]}"#, "sample.pair: expected a list of 2 numbers"),
    (#"{"count": 3, "part": {"sice": 1}}"#, #"s.json:1:31: sample.part.sice: unknown key, did you mean "size"?"#),
    (#"{"count": 3, "parts": [{}, {"size": 0}]}"#, "sample.parts[1].size: 0 is out of range"),
    (#"{"count": 3, "parts": {}}"#, "sample.parts: expected a list of objects"),
    ("{\"count\": 3,\n  \"cuont\": 4}", #"s.json:2:12: sample.cuont: unknown key, did you mean "count"?"#),
    (#"{"count": 3, "a\nb\u001b[2J": 4}"#, #"sample.a\u000ab\u001b[2J: unknown key"#),
  ]

  @Test(arguments: refused) func refusesInOneLine(_ text: String, _ words: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try read(text) }
    let description = error?.description ?? ""
    #expect(description.contains(words), "\(description)")
    #expect(!description.unicodeScalars.contains { $0.value < 0x20 })
  }

  @Test func longValuesAreShortened() {
    let long = String(repeating: "x", count: 10_000)
    let error = #expect(throws: ConfigurationError.self) { _ = try read(#"{"count": "\#(long)"}"#) }
    #expect((error?.description.count ?? 0) < 200)
  }

  @Test func describesItsKeys() throws {
    let definitions = SchemaDefinitions()
    let reader = SettingsReader(describingInto: definitions)
    _ = try Sample(from: reader)
    let schema = SchemaNode.object(reader.properties).schema
    #expect(schema["required"] == .array([.string("count")]))
    #expect(schema["additionalProperties"] == .boolean(false))
    let properties = try #require(schema["properties"])
    #expect(
      properties["count"]?.compactText == #"{"description":"how many","type":"integer","minimum":1,"maximum":10}"#)
    #expect(properties["rate"]?["exclusiveMinimum"] == .integer(0) && properties["rate"]?["default"] == .number(0.5))
    #expect(properties["color"]?["enum"]?.array?.count == 3)
    #expect(properties["part"]?["properties"]?["size"] != nil)
    #expect(properties["automatic"]?["anyOf"]?.array?.count == 2)
  }
}

@Suite struct NearestNameTests {
  static let names = ["activation", "width", "depth", "dropout", "learning_rate", "weight_decay"]

  @Test(arguments: [
    ("activaton", "activation"), ("Activation", "activation"), ("widht", "width"), ("dept", "depth"),
    ("learningrate", "learning_rate"), ("rate", "learning_rate"), ("decay", "weight_decay"), ("droput", "dropout"),
  ])
  func findsMisspellings(_ slip: String, _ name: String) {
    #expect(NearestName.of(slip, among: Self.names) == name)
    #expect(NearestName.hint(slip, among: Self.names) == ", did you mean \"\(name)\"?")
  }

  @Test func listsKnownNamesOtherwise() {
    #expect(NearestName.of("zzzzzzzz", among: Self.names) == nil)
    #expect(NearestName.hint("zzzzzzzz", among: ["b", "a"]) == "; known: a, b")
    #expect(NearestName.hint("x", among: []) == "")
    #expect(NearestName.of(String(repeating: "width", count: 100_000), among: ["height"]) == nil)
  }
}

@Suite struct DurationTests {
  private func read(_ text: String, minimum: Int = 0) throws -> TrainingDuration {
    let reader = try SettingsReader(.object([("length", .string(text))]))
    return try reader.duration("length", minimum: minimum, "")
  }

  @Test func hasAUnit() throws {
    #expect(try read("5 epochs") == TrainingDuration(5, .epochs) && read("1 epoch").description == "1 epoch")
    #expect(try read("2000 steps").description == "2000 steps" && read("0 steps").count == 0)
    #expect(try read("1 steps") == TrainingDuration(1, .steps) && read("007 steps").count == 7)
  }

  @Test(arguments: [
    "", "5", "epochs", "5epochs", " 5 epochs", "5 epochs ", "5  epochs", "-5 steps", "+5 steps", "5.0 steps", "5 Steps",
    "five steps", "5 minutes", "٥ steps", "99999999999999999999 steps", "5 steps\n", "1e3 steps",
  ])
  func refuses(_ text: String) {
    let error = #expect(throws: ConfigurationError.self) { _ = try read(text) }
    #expect(error?.message.contains("such as \"5 epochs\" or \"2000 steps\"") == true)
  }

  @Test func countsSteps() {
    #expect(
      TrainingDuration(3, .epochs).steps(perEpoch: 10) == 30 && TrainingDuration(3, .steps).steps(perEpoch: 10) == 3)
    #expect(TrainingDuration(.max, .epochs).steps(perEpoch: 2) == .max)
  }
}
