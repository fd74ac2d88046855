import Layers

/// Scales the channels of an image by factors that their means determine (Hu et al. 2018).
///
///     x ── mean of pixels ── fc1, C/r ── ReLU ── fc2, C ── sigmoid ── · ── y
///     └───────────────────────────────────────────────────────────────┘
///
/// - Parameters:
///   - name: of the block; its parameters are `NAME.fc1.weight`, `NAME.fc1.bias`, `NAME.fc2.weight`, `NAME.fc2.bias`.
///   - x: images (B, H, W, C).
///   - reduction: r; the hidden layer has C/r units, rounded down, and at least 1.
/// - Returns: images of x's shape.
func squeezeExcitation(
  _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value, reduction: Int
) throws(GraphError) -> ModelGraph.Value {
  var s = try graph.add("\(name).pool", GlobalAveragePool.blueprint(NoSettings()), x)
  let channels = graph.shape(of: s).last
  s = try graph.add(
    "\(name).fc1", Linear.blueprint(.init(units: max(1, channels / reduction), initializer: .heNormal)), s)
  s = try graph.add("\(name).relu", ActivationLayer.blueprint(.init(.relu)), s)
  s = try graph.add("\(name).fc2", Linear.blueprint(.init(units: channels, initializer: .glorotNormal)), s)
  s = try graph.add("\(name).sigmoid", ActivationLayer.blueprint(.init(.sigmoid)), s)
  return try graph.add("\(name).scale", ChannelScale.blueprint(NoSettings()), x, s)
}
