import Configuration

/// The Transformer that reads captions for a diffusion model; it is trained with the model.
package struct TextEncoderSettings: Settings {
  package var layers = 2
  package var width = 128
  package var heads = 4
  package var dropout = 0.0

  package init() {}

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    layers = try reader.integer("layers", default: layers, in: 1...1000, "blocks")
    width = try reader.integer("width", default: width, in: 1...65_536, "features of a token's vector")
    heads = try reader.integer("heads", default: heads, in: 1...1024, "attention heads; they share the width evenly")
    dropout = try reader.number(
      "dropout", default: dropout, in: 0...0.999,
      "the rate after the embedding, on attention weights and after each branch")
    try reader.require(width % heads == 0, "heads", "\(heads) heads do not divide a width of \(width)")
  }
}

extension SettingsReader {
  /// The "text_encoder" key that diffusion families share.
  func textEncoder() throws(ConfigurationError) -> TextEncoderSettings {
    let settings = try optionalObject(
      "text_encoder", TextEncoderSettings.self, "the encoder of captions, where the condition is text")
    return settings ?? TextEncoderSettings()
  }
}
