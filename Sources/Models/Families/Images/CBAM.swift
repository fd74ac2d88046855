import Configuration
import Layers

/// The convolutional block attention module (Woo et al. 2018): scales the channels of an image, then its pixels, each
/// by a factor that the image determines.
///
///     x′ = x·σ(MLP(mean over the pixels of x) + MLP(largest over the pixels of x))
///     y  = x′·σ(7×7 convolution of (mean, largest) over the channels of x′)
///
/// MLP is one perceptron for both, fc1 of C/r units with ReLU and fc2 of C.
///
/// - Parameters:
///   - name: of the block; its parameters are `NAME.fc1.weight`, `NAME.fc1.bias`, `NAME.fc2.weight`, `NAME.fc2.bias`
///     and `NAME.spatial.weight`.
///   - x: images (B, H, W, C).
///   - reduction: r; the hidden layer has C/r units, rounded down, and at least 1.
/// - Returns: images of x's shape.
func cbam(
  _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value, reduction: Int
) throws(GraphError) -> ModelGraph.Value {
  let average = try graph.add("\(name).average", GlobalAveragePool.blueprint(NoSettings()), x)
  let largest = try graph.add("\(name).max", GlobalMaxPool.blueprint(NoSettings()), x)
  let a = try channelPerceptron(&graph, name, average, reduction: reduction)
  let b = try channelPerceptron(&graph, name, largest, reduction: reduction, use: "max")
  var channels = try graph.add("\(name).sum", ResidualAdd.blueprint(NoSettings()), a, b)
  channels = try graph.add("\(name).channel_sigmoid", ActivationLayer.blueprint(.init(.sigmoid)), channels)
  let y = try graph.add("\(name).channel_scale", ChannelScale.blueprint(NoSettings()), x, channels)

  var pixels = try graph.add("\(name).statistics", ChannelStatistics.blueprint(NoSettings()), y)
  pixels = try graph.add("\(name).spatial", Conv2D.blueprint(spatialConvolution), pixels)
  pixels = try graph.add("\(name).spatial_sigmoid", ActivationLayer.blueprint(.init(.sigmoid)), pixels)
  return try graph.add("\(name).spatial_scale", SpatialScale.blueprint(NoSettings()), y, pixels)
}

/// fc2(ReLU(fc1(x))).
///
/// - Parameter use: a suffix for the nodes of a second use, which shares the parameters of the first.
private func channelPerceptron(
  _ graph: inout GraphBuilder, _ name: String, _ x: ModelGraph.Value, reduction: Int, use: String? = nil
) throws(GraphError) -> ModelGraph.Value {
  let channels = graph.shape(of: x).last
  let suffix = use.map { ".\($0)" } ?? ""
  func owner(_ layer: String) -> String? { use == nil ? nil : "\(name).\(layer)" }
  var y = try graph.add(
    "\(name).fc1\(suffix)", Linear.blueprint(.init(units: max(1, channels / reduction), initializer: .heNormal)), x,
    sharing: owner("fc1"))
  y = try graph.add("\(name).relu\(suffix)", ActivationLayer.blueprint(.init(.relu)), y)
  return try graph.add(
    "\(name).fc2\(suffix)", Linear.blueprint(.init(units: channels, initializer: .glorotNormal)), y,
    sharing: owner("fc2"))
}

/// From two numbers per pixel to one.
private var spatialConvolution: Conv2D.LayerSettings {
  var settings = Conv2D.LayerSettings(filters: 1, kernel: AxisPair(7))
  settings.padding = AxisPair(3)
  settings.hasBias = false
  settings.initializer = .glorotNormal
  return settings
}
