import Checkpoints
import Data
import Formats
import Foundation
import Inference
import JSON
import Runs
import Tensors
import TestSupport
import Testing

/// Classifiers of images, used without their data.
@Suite(.serialized) struct PredictorTests {
  private let scratch: TemporaryFolder
  private let folder: URL

  init() throws {
    scratch = try TemporaryFolder()
    folder = scratch.folder("run")
  }

  /// Digits from IDX files, which are gone after training.
  private func train(_ overrides: String...) async throws -> CompletedRun {
    let data = scratch.folder("digits")
    try GlyphsData(count: 500).write(to: data.path, seed: 3)
    let names = try FileManager.default.contentsOfDirectory(atPath: data.path).sorted()
    let completed = try await session(
      configuration(
        [
          #"data={"type":"idx","images":"\#(data.path)/\#(names[0])","labels":"\#(data.path)/\#(names[1])","#
            + #""batch_size":40,"validation_count":60,"test_count":50,"standardize":true}"#,
          #"model={"type":"mlp","depth":2,"width":20,"normalization":"batch","dropout":0.1}"#,
        ] + overrides), folder)
    return completed
  }

  private func stored() throws -> StoredRun { try StoredRun(folder.path, say: { _ in }) }

  private func removeData() throws { try FileManager.default.removeItem(at: scratch.folder("digits")) }

  /// The predictions are those of an evaluation, from the images that it kept.
  @Test(arguments: ["float32", "bfloat16"]) func predictsAsAnEvaluation(precision: String) async throws {
    _ = try await train("training.ema.decay=0.8", "training.precision=\(precision)")
    let record = try #require(try stored().evaluate(split: "test", lanes: 2).record)
    #expect(record.mistakes.count > 3 && record.topAccuracy != nil)
    try removeData()
    let predictor = try Predictor(stored())
    for mistake in record.mistakes {
      let adapted = predictor.adapt(try Image(decoding: mistake.picture.span.bytes))
      #expect(adapted.changes.isEmpty)
      let answers = predictor.predict(adapted)
      #expect(answers[0].label == mistake.predicted && answers.count == 10)
      let tolerance = precision == "float32" ? 1e-5 : 0.02
      #expect(abs(answers[0].probability - Double(mistake.probability)) < tolerance)
      #expect(abs(answers.reduce(0) { $0 + $1.probability } - 1) < 1e-9)
      #expect(zip(answers, answers.dropFirst()).allSatisfy { $0.probability >= $1.probability })
    }
  }

  /// The mean prediction of several views is judged, on any number of lanes.
  @Test(arguments: ["float32", "bfloat16"]) func viewsAreAveraged(precision: String) async throws {
    _ = try await train("training.precision=\(precision)")
    let run = try stored()
    let plain = try run.evaluate(split: "test", lanes: 2)
    let same = try run.evaluate(split: "test", views: [ImageView(), ImageView()], lanes: 2)
    #expect(same.score.accuracy == plain.score.accuracy && same.record?.confusion == plain.record?.confusion)
    #expect(abs(same.score.loss - plain.score.loss) < 1e-5 && same.record?.views == 2 && plain.record?.views == 1)

    let flipped = try run.evaluate(split: "test", views: ImageView.flip, lanes: 1)
    #expect(try run.evaluate(split: "test", views: ImageView.flip, lanes: 3).record == flipped.record)
    #expect(flipped.score.count == 50 && flipped.score.loss != plain.score.loss)
    let record = try #require(flipped.record)
    #expect(record.mistakes.count > 3 && Float(flipped.score.loss) == record.loss)
    let predictor = try Predictor(run)
    for mistake in record.mistakes {
      let image = try Image(decoding: mistake.picture.span.bytes)
      var mirrored = image
      for row in 0..<28 {
        for column in 0..<28 { mirrored[row, column, 0] = image[row, 27 - column, 0] }
      }
      let shares = [image, mirrored].map { view in
        predictor.predict(predictor.adapt(view)).sorted { $0.label < $1.label }.map(\.probability)
      }
      let means = (0..<10).map { (shares[0][$0] + shares[1][$0]) / 2 }
      let tolerance = precision == "float32" ? 1e-5 : 0.02
      #expect(abs(means[mistake.target] - Double(mistake.targetProbability)) < tolerance)
      #expect(abs(means[mistake.predicted] - Double(mistake.probability)) < tolerance)
      #expect(abs(Double(mistake.loss) + Foundation.log(Double(mistake.targetProbability))) < 1e-4)
    }
  }

  @Test func imagesAreThoseOfTheData() async throws {
    let completed = try await train()
    let sample = completed.model.data.splits.validation[5]
    let (pixels, _) = GlyphsData(count: 500).image(sample, seed: 3)
    let image = try #require(completed.model.data.image(of: sample))
    #expect(image == Image(width: 28, height: 28, channels: 1, bytes: pixels))
    let record = try #require(completed.result.evaluation?.record(of: completed.model.plan))
    let worst = try #require(record.mistakes.first)
    #expect(try Image(decoding: worst.picture.span.bytes) == completed.model.data.image(of: worst.sample))
  }

  @Test func imagesAreAdapted() async throws {
    _ = try await train(#"training.duration="1 step""#)
    let predictor = try Predictor(stored())
    let color = predictor.adapt(Image(width: 60, height: 40, channels: 3, filledWith: 90))
    #expect(color.image == Image(width: 28, height: 28, channels: 1, filledWith: 90))
    #expect(color.changes == ["resized from 60×40 to 28×28", "made gray"])
    #expect(predictor.predict(color).count == 10)
  }

  /// Predictions of files are those of evaluation, with crops and sizes of the augmentation.
  @Test(arguments: ["float32", "bfloat16"]) func filesArePredictedAsInEvaluation(precision: String) async throws {
    let data = scratch.folder("images")
    let random = RandomStream(seed: 8, purpose: .checking)
    var files: [String] = []
    for (label, name) in ["first", "second", "third"].enumerated() {
      let folder = data.appending(path: name)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for number in 10..<26 {
        var image = Image(width: 14 + number % 3, height: 17, channels: 3, filledWith: 0)
        for row in 0..<image.height {
          for column in 0..<image.width {
            for channel in 0..<3 {
              let element = (label * 100 + number) << 12 + row << 7 + column << 2 + channel
              image[row, column, channel] = UInt8(random.integer(element, below: 256))
            }
          }
        }
        files.append(folder.appending(path: "\(number).png").path)
        try image.writePNG(to: files[files.count - 1])
      }
    }
    let completed = try await session(
      configuration(
        #"data={"type":"image_folder","path":"\#(data.path)","size":[13,15],"batch_size":8,"validation_count":24,"#
          + #""standardize":true,"augmentation":[{"type":"horizontal_flip"},{"type":"random_crop","size":[10,11]},"#
          + #"{"type":"random_resized_crop","size":[7,6]}]}"#, "training.precision=\(precision)",
        #"model={"type":"mlp","depth":1,"width":20,"activation":"tanh"}"#, #"training.duration="1 step""#), folder)
    let run = try stored()
    let record = try #require(try run.evaluate(split: "validation", lanes: 2).record)
    #expect(record.mistakes.count > 8 && completed.model.data.source.count == files.count)
    let predictor = try Predictor(run)
    #expect(predictor.source.shape == TensorShape([13, 15, 3]) && predictor.input.shape == TensorShape([7, 6, 3]))
    for mistake in record.mistakes {
      let answers = predictor.predict(try predictor.adapt(file: files[mistake.sample]))
      #expect(answers[0].label == mistake.predicted)
      #expect(abs(answers[0].probability - Double(mistake.probability)) < (precision == "float32" ? 1e-6 : 1e-3))
    }
  }

  @Test func otherModelsAreRefused() async throws {
    let vectors = try await session(configuration(#"training.duration="1 step""#), folder)
    #expect(vectors.result.outcome == .finished)
    func expect(_ words: String...) {
      #expect {
        try Predictor(stored())
      } throws: { error in
        words.allSatisfy { "\(error)".contains($0) } && (error as? RunError)?.cause == .configuration
      }
    }
    expect("step-00000001.h5", "images", "[12]")
    let refusal = #expect(throws: RunError.self) {
      _ = try stored().evaluate(split: "validation", views: ImageView.flip, lanes: 1)
    }
    #expect(refusal?.cause == .configuration && refusal?.description.contains("--views") == true)
  }

  /// Files are read as the images of a folder: scaled to cover the size, and cropped.
  @Test func filesAreReadAsThoseOfAFolder() async throws {
    let data = scratch.folder("images")
    for (label, name) in ["dark", "light"].enumerated() {
      let folder = data.appending(path: name)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for number in 0..<20 {
        var image = Image(width: 9 + number, height: 24, channels: 3, filledWith: UInt8(60 + 110 * label))
        for row in 0..<24 { image[row, number % 9, number % 3] = UInt8(10 * row) }
        try image.writePNG(to: folder.appending(path: "\(number).png").path)
      }
    }
    let completed = try await session(
      configuration(
        #"data={"type":"image_folder","path":"\#(data.path)","size":[8,6],"channels":1,"resize":"crop","#
          + #""batch_size":8,"validation_count":6,"standardize":true}"#), folder)
    let predictor = try Predictor(stored())
    #expect(predictor.classNames == ["dark", "light"])
    for (sample, file) in [(0, "dark/0.png"), (22, "light/10.png")] {
      let path = data.appending(path: file).path
      let raw = try #require(completed.model.data.image(of: sample))
      let fits = (0..<40).contains { completed.model.data.image(of: $0) == (try? predictor.adapt(file: path))?.image }
      #expect(fits && raw.width == 6 && raw.height == 8)
      let adapted = try predictor.adapt(file: path)
      #expect(adapted.changes.count == 2 && adapted.changes[0].hasPrefix("resized and cropped from"))
      #expect(predictor.predict(adapted).count == 2)
    }
    try Data("no image".utf8).write(to: scratch.url.appending(path: "text.png"))
    for (name, word) in [("text.png", "JPEG or PNG"), ("none.png", "No such file"), ("", "a folder")] {
      let path = scratch.url.path + "/" + name
      #expect { try predictor.adapt(file: path) } throws: { "\($0)".contains(path) && "\($0)".contains(word) }
    }
  }

  @Test func firstLayerWeightsAreFilters() async throws {
    let completed = try await train()
    let sheet = try Predictor(stored()).filters()
    #expect(sheet.layer == "hidden.0" && sheet.shown == 20 && sheet.total == 20)
    // 5 columns and 4 rows of tiles of 28 pixels, twice as large, with gaps of 2.
    #expect(sheet.image.width == 2 + 5 * 58 && sheet.image.height == 2 + 4 * 58 && sheet.image.channels == 1)
    let entry = try #require(completed.model.table.entries.first { $0.name == "hidden.0.weight" })
    let weights = completed.model.table.slice(entry, in: completed.model.state.parameters).array
    for unit in [0, 7, 19] {
      let row = weights[unit * 784..<(unit + 1) * 784]
      let largest = row.map(abs).max() ?? 1
      for pixel in stride(from: 0, to: 784, by: 61) {
        let expected = 127.5 + 127.5 * row[row.startIndex + pixel] / largest
        let (y, x) = (2 + unit / 5 * 58 + pixel / 28 * 2, 2 + unit % 5 * 58 + pixel % 28 * 2)
        #expect(abs(Float(sheet.image[y, x, 0]) - expected) <= 0.51)
        #expect(sheet.image[y, x, 0] == sheet.image[y + 1, x + 1, 0])
      }
    }
    let predictor = try Predictor(stored())
    #expect { try predictor.filters(of: "head") } throws: { "\($0)".contains("head") && "\($0)".contains("hidden.0") }
  }

  /// The outputs of layers in a plan without fusion and shared memory.
  @Test func outputsOfEveryLayerCanBeDrawn() async throws {
    let completed = try await train()
    let predictor = try Predictor(stored(), keepsOutputs: true)
    let sample = completed.model.data.splits.test[0]
    let adapted = predictor.adapt(try #require(completed.model.data.image(of: sample)))
    let plain = try Predictor(stored()).predict(adapted)
    #expect(predictor.predict(adapted) == plain)
    let after = try predictor.features(of: "activations.1", for: adapted)
    #expect(after.total == 1 && after.image.width == after.image.height)
    #expect(after.explanation.contains("20 outputs") && after.explanation.contains("0.0 is black"))
    let head = try predictor.features(of: "head", for: adapted)
    #expect(head.explanation.contains("10 outputs"))
    // The likeliest class is the white pixel of 4 × 4.
    let zoom = (head.image.width - 4) / 4
    let best = plain[0].label
    #expect(head.image[2 + best / 4 * zoom, 2 + best % 4 * zoom, 0] == 255)
    #expect { try predictor.features(of: "hidden", for: adapted) } throws: { "\($0)".contains("hidden.0, ") }
  }

  /// Filters are the stored weights, and maps the results of an explicit convolution.
  @Test func convolutionsAreDrawn() async throws {
    let completed = try await train(
      #"""
      model={"type":"layers","layers":[{"type":"conv2d","filters":6,"kernel":5,"stride":2},
        {"type":"activation","function":"relu"},{"type":"conv2d","filters":3,"kernel":[3,2]},{"type":"flatten"},
        {"type":"linear","units":10}]}
      """#)
    let predictor = try Predictor(stored(), keepsOutputs: true)
    let names = completed.model.plan.graph.nodes.map(\.name)
    let table = completed.model.table
    let weights = table.slice(table.entries[0], in: completed.model.state.parameters).array
    let sheet = try predictor.filters()
    #expect(sheet.layer == names[0] && sheet.total == 6 && sheet.shown == 6)
    // 3 columns and 2 rows of 5 pixels, ten times as large.
    #expect(sheet.image.width == 2 + 3 * 52 && sheet.image.height == 2 + 2 * 52)
    for (filter, y, x) in [(0, 0, 0), (4, 1, 3), (5, 4, 2)] {
      let kernel = weights[filter * 25..<(filter + 1) * 25]
      let expected = 127.5 + 127.5 * kernel[kernel.startIndex + 5 * y + x] / (kernel.map(abs).max() ?? 1)
      let level = sheet.image[2 + filter / 3 * 52 + 10 * y, 2 + filter % 3 * 52 + 10 * x, 0]
      #expect(abs(Float(level) - expected) <= 0.51)
    }
    let second = try predictor.filters(of: names[2])
    // A row for each of 3 filters, a column for each of their 6 inputs, of 3 rows of 2 pixels.
    let zoom = (second.image.height - 2 - 3 * 2) / 9
    #expect(second.total == 18 && second.image.width == 2 + 6 * (2 * zoom + 2))

    let adapted = predictor.adapt(try #require(completed.model.data.image(of: completed.model.data.splits.test[3])))
    let maps = try predictor.features(of: names[0], for: adapted)
    #expect(maps.total == 6 && maps.image.width == 2 + 3 * 50 && maps.image.height == 2 + 2 * 50)
    let standardization = try #require(completed.model.data.standardization)
    let pixels = adapted.image.bytes.map { (Float($0) / 255 - standardization.mean[0]) / standardization.deviation[0] }
    for filter in 0..<6 {
      var map = [Float](repeating: 0, count: 144)
      for (place, _) in map.enumerated() {
        for tap in 0..<25 {
          let (y, x) = (place / 12 * 2 + tap / 5, place % 12 * 2 + tap % 5)
          map[place] += weights[filter * 25 + tap] * pixels[28 * y + x]
        }
      }
      let (lowest, highest) = (map.min() ?? 0, map.max() ?? 1)
      for place in stride(from: 0, to: 144, by: 7) {
        let level = maps.image[2 + filter / 3 * 50 + place / 12 * 4, 2 + filter % 3 * 50 + place % 12 * 4, 0]
        #expect(abs(Float(level) - 255 * (map[place] - lowest) / (highest - lowest)) < 1, "\(filter), \(place)")
      }
    }
  }
}
