import Configuration
import Data
import Formats
import Foundation
import JSON
import Metrics
import Reports
import Runs
import TestSupport
import Testing
import Training

/// The samples that a diffusion model draws during training.
@Suite(.serialized) struct SampleDrawingTests {
  /// Digits of 8×8 and a small Transformer, for 12 steps.
  private func denoiser(_ overrides: String...) throws -> JSON {
    let base = """
      {
        "name": "denoiser", "seed": 3,
        "data": {
          "type": "glyphs", "count": 100, "batch_size": 12, "validation_count": 10,
          "augmentation": [{"type": "resize", "size": 8}]
        },
        "diffusion": {"steps": 40, "schedule": "cosine", "condition": "class"},
        "model": {"type": "dit", "patch_size": 4, "width": 8, "depth": 1, "heads": 2},
        "loss": {"type": "mse"}, "optimizer": {"type": "adamw", "learning_rate": 0.01},
        "training": {"duration": "12 steps", "micro_batches": 2, "ema": {"decay": 0.9}},
        "checkpoints": {"every": "1000 steps"}
      }
      """
    return try overrides.reduce(JSONParser.parse(base, file: "test")) { try $0.setting($1) }
  }

  private static let drawing = #"samples={"every": "5 steps", "count": 20, "steps": 6, "guidance": 2}"#

  private func grids(_ folder: URL) throws -> [String: Data] {
    let samples = folder.appending(path: SampleGrids.folderName)
    let names = try FileManager.default.contentsOfDirectory(atPath: samples.path)
    return Dictionary(
      uniqueKeysWithValues: try names.map { ($0, try Data(contentsOf: samples.appending(path: $0))) })
  }

  @Test(arguments: ["float32", "bfloat16"]) func drawingChangesNoBit(precision: String) async throws {
    let scratch = try TemporaryFolder()
    let plain = try await session(denoiser("training.precision=\(precision)"), scratch.folder("plain"), lanes: 2)
    let drawn = try await session(
      denoiser("training.precision=\(precision)", Self.drawing), scratch.folder("drawn"), lanes: 2)
    #expect(drawn.digests == plain.digests && drawn.numbers == plain.numbers && drawn.state == plain.state)
    // Noise levels without samples have a mean of NaN, so only the losses are compared.
    #expect(drawn.log.validations.map(\.loss) == plain.log.validations.map(\.loss))
    #expect(!FileManager.default.fileExists(atPath: scratch.folder("plain").appending(path: "samples").path))
    let files = try grids(scratch.folder("drawn"))
    #expect(files.keys.sorted() == ["step-00000005.png", "step-00000010.png", "step-00000012.png"])
    #expect(Set(files.values).count == 3)
    let image = try Image(decoding: Array(#require(files["step-00000012.png"])).span.bytes)
    // A column for each of the ten classes.
    #expect(image.width == 2 + 10 * (64 + 2) && image.height == 2 + 2 * (64 + 2) && image.channels == 1)
  }

  @Test func lanesAndResumingDrawTheSame() async throws {
    let scratch = try TemporaryFolder()
    _ = try await session(denoiser(Self.drawing), scratch.folder("whole"), lanes: 1)
    let whole = try grids(scratch.folder("whole"))
    _ = try await session(denoiser(Self.drawing), scratch.folder("parts"), lanes: 2, stopAfter: 7)
    let last = try await session(denoiser(Self.drawing), scratch.folder("parts"), .resume, lanes: 3)
    #expect(last.result.outcome == .finished)
    #expect(try grids(scratch.folder("parts")) == whole)
    // A finished run that is opened again draws no samples.
    try FileManager.default.removeItem(at: scratch.folder("parts").appending(path: "samples"))
    _ = try await session(denoiser(Self.drawing), scratch.folder("parts"), .resume)
    #expect(!FileManager.default.fileExists(atPath: scratch.folder("parts").appending(path: "samples").path))
  }

  @Test func imagesAreInReportAndTensorBoard() async throws {
    let scratch = try TemporaryFolder()
    let folder = scratch.folder("run")
    _ = try await session(denoiser(Self.drawing), folder)
    let log = try RunLog.read(folder: folder)
    let files = try grids(folder)
    #expect(log.samples.map(\.step) == [5, 10, 12])
    #expect(log.samples.map { Data($0.png) } == files.keys.sorted().compactMap { files[$0] })
    let report = folder.appending(path: "report.html")
    try Report.write(runs: [log], to: report)
    let page = try String(contentsOf: report, encoding: .utf8)
    for file in files.values { #expect(page.contains(file.base64EncodedString())) }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let events = try #require(names.first { $0.hasPrefix("events.out.tfevents") })
    let bytes = try Data(contentsOf: folder.appending(path: events))
    for file in files.values { #expect(bytes.range(of: file) != nil) }
  }

  @Test func settingsAreRefused() throws {
    let scratch = try TemporaryFolder()
    func expectRefusal(_ words: String..., settings: String...) {
      let error = #expect(throws: (any Error).self) {
        let json = try settings.reduce(denoiser()) { try $0.setting($1) }
        _ = try TrainingSession.prepare(
          json, runDirectory: scratch.folder("x").path, mode: .new, lanes: 1, say: { _ in })
      }
      for word in words {
        #expect("\(String(describing: error))".contains(word), "\(word) in \(String(describing: error))")
      }
    }
    expectRefusal("samples.steps", "ddpm", settings: #"samples={"sampler": "ddpm", "steps": 5}"#)
    expectRefusal("samples", "40", settings: #"samples={"steps": 41}"#)
    expectRefusal("samples.prompts", "classes", settings: #"samples={"prompts": ["a seven"]}"#)
    expectRefusal("samples.classes 12", "0 to 9", settings: #"samples={"classes": ["12"]}"#)
    expectRefusal("samples.guidance", "conditions", settings: "diffusion.condition=none", #"samples={"guidance": 2}"#)
    expectRefusal(
      "samples.guidance", "drop_condition", settings: "diffusion.drop_condition=0", #"samples={"guidance": 2}"#)
    let alone = #expect(throws: ConfigurationError.self) {
      _ = try RunConfiguration(configuration(#"samples={"count": 2}"#))
    }
    #expect(
      alone?.description.contains("samples: is of no use without \"diffusion\"") == true, "\(String(describing: alone))"
    )
  }
}
