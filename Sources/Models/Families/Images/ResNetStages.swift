import Configuration

/// The blocks of a ResNet, their kind and widths: from its depth, or listed.
struct ResNetStages: Sendable {
  let block: ResNet.Block
  /// Blocks of each stage.
  let blocks: [Int]
  /// Channels of each stage's 3×3 convolutions.
  let widths: [Int]
  /// Whether the depth is one of the paper's for ImageNet.
  let isImagenetDepth: Bool

  private static let cifarWidths = [16, 32, 64]
  private static let imagenetWidths = [64, 128, 256, 512]
  /// He et al. 2015, table 1.
  private static let imagenet: [Int: (ResNet.Block, [Int])] = [
    18: (.basic, [2, 2, 2, 2]), 34: (.basic, [3, 4, 6, 3]), 50: (.bottleneck, [3, 4, 6, 3]),
    101: (.bottleneck, [3, 4, 23, 3]), 152: (.bottleneck, [3, 8, 36, 3]),
  ]
  private static let largestDepth = 1_202

  init(from reader: SettingsReader) throws(ConfigurationError) {
    let depth = try reader.optionalInteger(
      "depth", in: 8...Self.largestDepth,
      "layers with weights: 20, 32, 44, 56, 110 or any 6n+2 of the CIFAR kind; 18, 34, 50, 101, 152")
    let listedBlocks = try reader.optionalIntegers("blocks", in: 1...1_000, "blocks of each stage, in place of depth")
    let listedWidths = try reader.optionalIntegers("widths", in: 1...65_536, "channels of each stage")
    let kind: ResNet.Block? = try reader.optionalChoice("block", "the kind of block; with depth, the paper's if absent")
    try reader.require(
      (depth == nil) != (listedBlocks == nil), nil,
      "expected either \"depth\" or \"blocks\", found \(depth == nil ? "neither" : "both"); such as \"depth\": 20, "
        + "or \"blocks\": [2, 2, 2, 2] with \"widths\"")
    isImagenetDepth = depth.map { Self.imagenet[$0] != nil } ?? false
    if let depth {
      if let (paperKind, paperBlocks) = Self.imagenet[depth] {
        (block, blocks, widths) = (kind ?? paperKind, paperBlocks, listedWidths ?? Self.imagenetWidths)
      } else {
        try reader.require(
          depth % 6 == 2, "depth",
          "\(depth) is not a depth of a ResNet; \(6 * ((depth - 2) / 6) + 2) and \(6 * ((depth - 2) / 6) + 8) are")
        (block, widths) = (kind ?? .basic, listedWidths ?? Self.cifarWidths)
        blocks = [Int](repeating: (depth - 2) / 6, count: widths.count)
      }
    } else {
      let written = listedBlocks ?? []
      block = kind ?? .basic
      blocks = written
      widths = listedWidths ?? (written.count == 3 ? Self.cifarWidths : Self.imagenetWidths)
    }
    try reader.require(
      blocks.count == widths.count, listedWidths == nil ? "blocks" : "widths",
      "\(widths.count) widths for \(blocks.count) stages; expected one per stage")
  }
}
