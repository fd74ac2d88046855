import Configuration
import Data
import Inference
import JSON
import Runs
import Testing

/// Random changes of samples depend neither on lanes nor on resuming.
@Suite(.serialized) struct AugmentationRunTests {
  private static let images =
    #"data={"type":"noise","count":300,"shape":[6,6,3],"classes":4,"batch_size":24,"#
    + #""validation_count":37,"standardize":true,"mixup":{"alpha":0.4},"cutmix":{},"augmentation":["#
    + #"{"type":"random_crop","padding":2},{"type":"horizontal_flip"},{"type":"rotation","degrees":30},"#
    + #"{"type":"color_jitter","brightness":0.3,"contrast":0.3,"saturation":0.3,"hue":0.1},"#
    + #"{"type":"random_resized_crop","size":5,"scale":[0.5,1]},{"type":"cutout","size":2}]}"#

  @Test(arguments: ["float32", "bfloat16"]) func lanesChangeNoBit(precision: String) async throws {
    let json = try configuration(
      Self.images, "training.precision=\(precision)", "training.micro_batches=3", #"training.duration="25 steps""#,
      #"training.validate_every="10 steps""#, #"loss={"type":"cross_entropy","label_smoothing":0.1}"#)
    try await expectEqualLanes(json, steps: 25)
  }

  /// Stops in the middle of the second and of the third epoch of eleven steps.
  @Test func resumesInMidEpoch() async throws {
    let json = try configuration(Self.images, #"training.duration="37 steps""#)
    try await expectResumesInMidEpoch(json)
  }

  @Test func everyEpochDiffers() async throws {
    // With a model that does not learn, losses differ by the samples alone.
    let json = try configuration(
      Self.images, "optimizer.learning_rate=1e-30", "data.shuffle=false", #"training.duration="2 epochs""#)
    let losses = try await Trial(json: json).run().losses
    #expect(zip(losses.prefix(10), losses.dropFirst(10)).allSatisfy { $0 != $1 })
  }

  /// Evaluation neither augments nor mixes: shares of 1 give what class numbers give.
  @Test func evaluationDoesNotMix() async throws {
    func evaluate(_ change: String) async throws -> SplitScore {
      let json = try configuration(Self.images, change, #"training.duration="0 steps""#)
      return try #require(try await Trial(json: json).run().result.validation)
    }
    let mixed = try await evaluate("data.mixup.alpha=0.9")
    let data =
      #"data={"type":"noise","count":300,"shape":[6,6,3],"classes":4,"batch_size":24,"validation_count":37,"#
      + #""standardize":true,"augmentation":[{"type":"resize","size":5}]}"#
    let plain = try await evaluate(data)
    #expect(abs(mixed.loss - plain.loss) < 1e-5 * plain.loss && mixed.accuracy == plain.accuracy)
    #expect(mixed.count == plain.count)
  }

  @Test func onlyCrossEntropyComparesShares() async throws {
    let json = try configuration(
      Self.images, #"loss={"type":"mse"}"#)
    let error = #expect(throws: RunError.self) { _ = try Trial(json: json).model() }
    #expect(error?.description.contains("data.mixup") == true && error?.cause == .configuration)
  }
}
