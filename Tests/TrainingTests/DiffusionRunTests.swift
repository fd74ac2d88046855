import Configuration
import JSON
import Testing

/// Diffusion models of classes and of captions, with dropout and dropped conditions.
enum DiffusionRun: String, CaseIterable, Sendable {
  case ditOfClasses = "dit of classes"
  case ditOfCaptions = "dit of captions"
  case unetOfClasses = "unet of classes"

  /// Overrides of the small configuration.
  var settings: [String] {
    let sizes = #""count":300,"batch_size":12,"validation_count":37}"#
    switch self {
    case .ditOfClasses:
      return [
        #"data={"type":"glyphs",\#(sizes)"#, #"diffusion={"condition":"class","drop_condition":0.3}"#,
        #"model={"type":"dit","patch_size":7,"width":16,"depth":2,"heads":2,"dropout":0.1}"#, #"loss={"type":"mse"}"#,
      ]
    case .ditOfCaptions:
      return [
        #"data={"type":"shapes",\#(sizes)"#,
        #"diffusion={"condition":"text","predict":"v","schedule":"cosine","weighting":"min_snr"}"#,
        #"model={"type":"dit","patch_size":8,"width":16,"depth":1,"heads":2,"dropout":0.1,"#
          + #""text_encoder":{"layers":1,"width":12,"heads":2,"dropout":0.1}}"#, #"loss={"type":"mse"}"#,
      ]
    case .unetOfClasses:
      return [
        #"data={"type":"glyphs",\#(sizes)"#, #"diffusion={"condition":"class","predict":"x0","schedule":"sigmoid"}"#,
        #"model={"type":"unet","channels":8,"multipliers":[1,2],"blocks":1,"attention":[14],"groups":4,"dropout":0.1}"#,
        #"loss={"type":"huber"}"#,
      ]
    }
  }
}

/// Diffusion models give the same bits on any number of lanes and after resuming.
@Suite(.serialized) struct DiffusionRunTests {
  @Test(arguments: DiffusionRun.allCases, ["float32", "bfloat16"])
  func lanesChangeNoBit(run: DiffusionRun, precision: String) async throws {
    let json = try configuration(
      run.settings + [
        "training.precision=\(precision)", "training.micro_batches=3", #"training.duration="20 steps""#,
        #"training.validate_every="7 steps""#,
      ])
    try await expectEqualLanes(json, steps: 20)
  }

  @Test(arguments: DiffusionRun.allCases, ["float32", "bfloat16"])
  func resumes(run: DiffusionRun, precision: String) async throws {
    let json = try configuration(
      run.settings + ["training.precision=\(precision)", #"training.duration="37 steps""#, "training.ema.decay=0.9"])
    try await expectResumesInMidEpoch(json)
  }

  /// A model that predicts 0 has the variance of the noise as its loss; training starts there and decreases it.
  @Test(arguments: ["float32", "bfloat16"]) func learns(precision: String) async throws {
    let json = try configuration(
      DiffusionRun.ditOfClasses.settings + [
        "training.precision=\(precision)", #"training.duration="150 steps""#, "model.dropout=0",
        // More than the 49 numbers of a patch, or its noise would not fit.
        "model.width=64",
      ])
    let losses = try await Trial(json: json, lanes: 2).run().losses
    #expect(abs(losses[0] - 1) < 0.1, "\(losses[0])")
    let last = losses.suffix(20).reduce(0, +) / 20
    #expect(last < 0.3, "\(last)")
  }
}
