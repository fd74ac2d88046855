import Configuration
import JSON
import Testing

/// The number of lanes changes no bit; the number of micro-batches changes rounding only.
@Suite(.serialized) struct LaneTests {
  /// Settings that could depend on the lanes: dropout, batch norm, an average, clipping.
  private static let everything = [
    "data.count=400", "data.batch_size=120",
    #"model={"type":"mlp","depth":3,"width":20,"#
      + #""normalization":"batch","residual":true,"dropout":0.1}"#,
    "training.ema.decay=0.99", #"training.validate_every="20 steps""#, #"clipping={"type":"global_norm"}"#,
  ]

  @Test(arguments: ["float32", "bfloat16"], [1, 2, 3, 4, 5, 8])
  func lanesChangeNoBit(precision: String, microBatches: Int) async throws {
    let json = try configuration(
      Self.everything + [
        #"training.duration="50 steps""#, "training.micro_batches=\(microBatches)", "training.precision=\(precision)",
      ])
    try await expectEqualLanes(json, steps: 50)
  }

  @Test(arguments: [
    #"{"type":"none"}"#, #"{"type":"per_tensor","threshold":0.01}"#, #"{"type":"value","threshold":0.001}"#,
    #"{"type":"adaptive"}"#,
  ])
  func lanesChangeNoBitInClipping(clipping: String) async throws {
    let json = try configuration(
      Self.everything + ["clipping=\(clipping)", "training.micro_batches=5", #"training.duration="10 steps""#])
    try await expectEqualLanes(json, steps: 10)
  }

  @Test(arguments: ["float32", "bfloat16"], [2, 3])
  func lanesChangeNoBitInConvolutions(precision: String, microBatches: Int) async throws {
    let json = try configuration(
      convolutional + [
        #"training.duration="30 steps""#, "training.micro_batches=\(microBatches)", "training.precision=\(precision)",
        #"training.validate_every="7 steps""#, #"clipping={"type":"adaptive"}"#,
      ])
    try await expectEqualLanes(json, steps: 30)
  }

  /// The first step of SGD at rate 1 moves every parameter by its gradient.
  @Test(arguments: [2, 3, 4, 8])
  func microBatchesAddUpToTheBatch(microBatches: Int) async throws {
    let settings = [
      #"optimizer={"type":"sgd","learning_rate":1}"#, #"training.duration="1 step""#,
      #"loss={"type":"cross_entropy","class_weights":[0.5,1,2,3]}"#, "model.normalization=layer",
    ]
    let start = try Trial(json: configuration(settings)).model()
    start.initialize()
    let whole = try await Trial(json: configuration(settings + ["training.micro_batches=1"])).run()
    let parts = try await Trial(
      json: configuration(settings + ["training.micro_batches=\(microBatches)"]), lanes: 2
    ).run()
    #expect(abs(whole.losses[0] - parts.losses[0]) <= 1e-5 * whole.losses[0])
    for entry in start.table.entries {
      let before = start.table.slice(entry, in: start.state.parameters).array
      let a = zip(before, whole.model.table.slice(entry, in: whole.model.state.parameters).array).map { $0 - $1 }
      let b = zip(before, parts.model.table.slice(entry, in: parts.model.state.parameters).array).map { $0 - $1 }
      #expect(a.norm > 0, "\(entry.name) has no gradient")
      #expect(zip(a, b).map { $0 - $1 }.norm <= 1e-5 * max(a.norm, 0.1), "\(entry.name)")
    }
  }
}
