import Configuration
import Data
import Foundation
import JSON
import Tensors
import TestSupport
import Testing
import Tokenizers

/// The "diffusion" of a configuration.
private func settings(_ json: String) throws -> DiffusionSettings {
  try SettingsReader(try JSONParser.parse(json, file: "diffusion")).decode(DiffusionSettings.init(from:))
}

@Suite struct NoiseScheduleTests {
  /// The papers' own numbers.
  @Test func followsThePapers() {
    let linear = NoiseSchedule(.linear, steps: 1000)
    #expect(abs(linear.betas[0] - 1e-4) < 1e-12 && abs(linear.betas[999] - 0.02) < 1e-12)
    #expect(abs(linear.cumulative[999] - 4.0358e-5) < 1e-8)
    let cosine = NoiseSchedule(.cosine, steps: 1000)
    #expect(abs(cosine.cumulative[499] - 0.4938) < 1e-3 && cosine.betas[999] == 0.999)
    let sigmoid = NoiseSchedule(.sigmoid, steps: 1000)
    #expect(abs(sigmoid.cumulative[499] - 0.5) < 1e-9 && sigmoid.betas[999] == 0.999)
  }

  @Test(arguments: NoiseSchedule.Kind.allCases, [1, 2, 10, 50, 1000])
  func leavesLessAndLess(kind: NoiseSchedule.Kind, steps: Int) {
    let schedule = NoiseSchedule(kind, steps: steps)
    #expect(schedule.steps == steps && schedule.betas.allSatisfy { $0 > 0 && $0 <= 0.999 })
    #expect(zip(schedule.cumulative, schedule.cumulative.dropFirst()).allSatisfy { $0 > $1 })
    #expect(schedule.cumulative.allSatisfy { $0 > 0 && $0 < 1 })
    for step in 0..<steps {
      let (signal, noise) = (schedule.signal(step), schedule.noise(step))
      #expect(abs(signal * signal + noise * noise - 1) < 1e-12)
    }
  }
}

@Suite struct DiffusionSettingsTests {
  /// Each sample's loss in terms of the image is bounded by γ (Hang et al. 2023).
  @Test(arguments: ["noise", "v", "x0"]) func weighsByTheSignal(predict: String) throws {
    let settings = try settings(#"{"predict": "\#(predict)", "weighting": "min_snr", "min_snr_gamma": 3}"#)
    for step in stride(from: 0, to: 1000, by: 37) {
      let ratio = settings.schedule.signalToNoise(step)
      let perImage: [String: Double] = ["noise": ratio, "v": ratio + 1, "x0": 1]
      #expect(abs(settings.weight(step) * (perImage[predict] ?? 0) - min(ratio, 3)) < 1e-9)
    }
    #expect(try DiffusionTests.defaults.weight(5) == 1)
  }

  @Test(arguments: [
    (#"{"min_snr_gamma": 5}"#, "min_snr_gamma"), (#"{"drop_condition": 0.1}"#, "drop_condition"),
    (#"{"condition": "class", "tokenizer": {"type": "bytes"}}"#, "tokenizer"), (#"{"text_length": 5}"#, "text_length"),
    (#"{"steps": 0}"#, "steps"), (#"{"predict": "epsilon"}"#, "predict"),
  ]) func refusesWhatIsOfNoUse(json: String, path: String) {
    let error = #expect(throws: ConfigurationError.self) { try settings(json) }
    #expect(error?.path == path)
  }
}

@Suite struct DiffusionTests {
  fileprivate static var defaults: DiffusionSettings { get throws { try settings("{}") } }

  private func open(
    _ diffusion: String, _ kind: any DataKind = GlyphsData(count: 60), seed: UInt64 = 1,
    change: (inout CommonDataSettings) -> Void = { _ in }
  ) throws -> Dataset {
    var common = CommonDataSettings()
    common.batchSize = 4
    change(&common)
    return try Dataset(
      opening: DataSettings(common: common, kind: kind, diffusion: try settings(diffusion)), runSeed: seed)
  }

  /// The values of a sample's field, as a reader gives them.
  private func values(_ data: Dataset, _ name: String, _ sample: Int, _ reading: Reading, _ reader: SampleReader)
    -> [Float]
  {
    data.fields.firstIndex { $0.name == name }.map { reader.values(sample, $0, reading, of: data) } ?? []
  }

  /// x_t of one sample over many epochs: mean √ᾱ·x₀ and variance 1 − ᾱ, at every tenth of the way.
  @Test(arguments: NoiseSchedule.Kind.allCases) func hasTheRightMomentsAtEachTime(kind: NoiseSchedule.Kind) throws {
    let steps = 10
    let data = try open(#"{"steps": \#(steps), "schedule": "\#(kind.rawValue)"}"#)
    let reader = SampleReader(data)
    let image = data.source.values(3, 0).map { 2 * $0 - 1 }
    let schedule = NoiseSchedule(kind, steps: steps)
    var counts = [Int](repeating: 0, count: steps)
    var sums = [Double](repeating: 0, count: steps)
    var squares = sums
    let epochs = 3000
    for epoch in 0..<epochs {
      let time = Int(values(data, SampleField.time, 3, .training(epoch: epoch), reader)[0])
      let noisy = values(data, SampleField.input, 3, .training(epoch: epoch), reader)
      counts[time] += 1
      for (x, clean) in zip(noisy, image) {
        let difference = Double(x) - schedule.signal(time) * Double(clean)
        sums[time] += difference
        squares[time] += difference * difference
      }
    }
    for time in 0..<steps {
      // Five standard errors: of a binomial count, of a mean, of a variance.
      let expected = Double(epochs) / Double(steps)
      #expect(abs(Double(counts[time]) - expected) < 5 * expected.squareRoot())
      let count = Double(counts[time] * image.count)
      let variance = 1 - schedule.cumulative[time]
      #expect(abs(sums[time] / count) < 5 * (variance / count).squareRoot())
      #expect(abs(squares[time] / count - variance) < 5 * variance * (2 / count).squareRoot())
    }
  }

  /// The noise and the image follow from x_t and the target, whatever is predicted.
  @Test(arguments: ["noise", "v", "x0"]) func targetsBelongToTheInput(predict: String) throws {
    let data = try open(#"{"predict": "\#(predict)"}"#)
    let noise = try open(#"{"predict": "noise"}"#)
    let (reader, noiseReader) = (SampleReader(data), SampleReader(noise))
    for sample in 0..<5 {
      for reading in [Reading.training(epoch: 4), .evaluation] {
        let image = data.source.values(sample, 0).map { 2 * $0 - 1 }
        let time = Int(values(data, SampleField.time, sample, reading, reader)[0])
        let (signal, deviation) = (
          Float(data.forwardProcess?.schedule.signal(time) ?? 0), Float(data.forwardProcess?.schedule.noise(time) ?? 0)
        )
        let drawn = values(noise, SampleField.target, sample, reading, noiseReader)
        let expected =
          switch predict {
          case "v": zip(drawn, image).map { signal * $0 - deviation * $1 }
          case "x0": image
          default: drawn
          }
        let target = values(data, SampleField.target, sample, reading, reader)
        #expect(zip(target, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        let input = values(data, SampleField.input, sample, reading, reader)
        #expect(zip(input, zip(image, drawn)).allSatisfy { abs($0 - (signal * $1.0 + deviation * $1.1)) < 1e-5 })
      }
    }
  }

  @Test func followsSeedEpochAndSampleAlone() throws {
    let data = try open("{}")
    let (one, other) = (SampleReader(data), SampleReader(data))
    func input(_ sample: Int, _ reading: Reading, _ reader: SampleReader) -> [Float] {
      values(data, SampleField.input, sample, reading, reader)
    }
    let first = input(2, .training(epoch: 1), one)
    _ = input(5, .training(epoch: 1), other)
    #expect(input(2, .training(epoch: 1), other) == first)
    #expect(input(2, .training(epoch: 2), one) != first)
    #expect(input(2, .evaluation, one) == input(2, .evaluation, other))
    let again = try open("{}", seed: 2)
    #expect(
      values(again, SampleField.target, 2, .evaluation, SampleReader(again))
        != values(data, SampleField.target, 2, .evaluation, one))
  }

  @Test func tellsClassesAndLeavesSomeOut() throws {
    let data = try open(#"{"condition": "class", "drop_condition": 0.25}"#, GlyphsData(count: 1000))
    let field = try #require(data.fields.first { $0.name == SampleField.condition })
    #expect(field.classCount == 11 && field.shape == .scalar)
    let reader = SampleReader(data)
    var dropped = 0
    for sample in 0..<1000 {
      let label = data.source.values(sample, 1)[0]
      #expect(values(data, SampleField.condition, sample, .evaluation, reader) == [label])
      let told = values(data, SampleField.condition, sample, .training(epoch: 0), reader)[0]
      #expect(told == label || told == 10)
      if told == 10 { dropped += 1 }
    }
    #expect(abs(dropped - 250) < 70)
  }

  @Test func readsCaptions() throws {
    let data = try open(#"{"condition": "text", "drop_condition": 0}"#, ShapesData(count: 20))
    let field = try #require(data.fields.first { $0.name == SampleField.condition })
    let tokenizer = try #require(data.tokenizer)
    #expect(field.classCount == 257 && field.shape == TensorShape(["an orange triangle".count]))
    let reader = SampleReader(data)
    for sample in 0..<20 {
      let tokens = values(data, SampleField.condition, sample, .training(epoch: 3), reader).map { Int32($0) }
      let text = String(decoding: try tokenizer.decode(tokens.prefix { $0 < 256 }), as: UTF8.self)
      let (shape, color) = (data.source.values(sample, 2)[0], data.source.values(sample, 3)[0])
      #expect(text.hasSuffix("\(ShapesData.colorNames[Int(color)]) \(ShapesData.shapeNames[Int(shape)])"))
      #expect(tokens.drop { $0 < 256 }.allSatisfy { $0 == 256 })
    }
    let names = try open(#"{"condition": "text", "tokenizer": {"type": "characters"}}"#)
    #expect(names.fields.first { $0.name == SampleField.condition }?.shape == TensorShape([1]))
  }

  @Test func namesTheKeyOfItsTokenizer() throws {
    let scratch = try TemporaryFolder()
    let characters = try open(#"{"condition": "text", "tokenizer": {"type": "characters"}}"#)
    let file = try scratch.write(try #require(characters.tokenizer).text, "tokenizer.json")
    expectRefusal(file, "the type byte_pair", "found characters", "set diffusion.tokenizer.type to \"characters\"") {
      _ = try open(#"{"condition": "text", "tokenizer": {"type": "byte_pair", "file": "\#(file)"}}"#)
    }
    var text = TextData(files: [file])
    text.tokenizer = TokenizerChoice(kind: "byte_pair", file: file)
    expectRefusal(file, "set data.tokenizer.type to \"characters\"") {
      _ = try text.open(seed: 0, settings: CommonDataSettings())
    }
  }

  @Test func refusesWhatItCannotUndo() {
    func refused(_ diffusion: String, _ kind: any DataKind, _ change: (inout CommonDataSettings) -> Void = { _ in })
      -> String
    {
      let error = #expect(throws: DataError.self) { try open(diffusion, kind, change: change) }
      return error?.description ?? ""
    }
    #expect(refused("{}", SpiralsData()).contains("expected images [height, width, channels]"))
    #expect(refused("{}", GlyphsData(count: 60)) { $0.standardize = true }.contains("data.standardize"))
    #expect(refused("{}", GlyphsData(count: 60)) { $0.mixup = 0.2 }.contains("data.mixup"))
    #expect(
      refused(#"{"condition": "text", "text_length": 10}"#, ShapesData(count: 20))
        .contains("expected captions of at most 10 tokens, found one of 18"))
  }
}
