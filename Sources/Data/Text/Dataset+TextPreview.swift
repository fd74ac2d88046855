import Tensors
import Tokenizers

extension Dataset {
  /// Fields of training samples as text, in the order in which the first epoch meets them.
  ///
  /// - Returns: for each sample its fields of tokens, by name; without padding.
  /// - Throws: where samples are no text.
  package func textPreview(samples: Int) throws(DataError) -> [[(field: String, text: String)]] {
    guard let tokenizer else { throw DataError(name, expected: "text", found: "samples that are none") }
    let reader = SampleReader(self)
    let epoch = order.epoch(0)
    var shown: [[(field: String, text: String)]] = []
    for position in 0..<min(samples, epoch.count) {
      var texts: [(field: String, text: String)] = []
      for (number, field) in fields.enumerated() where field.type == .int32 && field.shape != .scalar {
        let arena = Arena(byteCount: field.shape.elementCount * 4)
        let output = arena.all(as: .int32)
        reader.read(epoch[position], .training(epoch: 0), field: number, into: output)
        let tokens = withExtendedLifetime(arena) {
          output.integers.indices.map { output.integers[$0] }.filter { $0 >= 0 }
        }
        try DataError.locating(name) { () throws(TokenizerError) in
          texts.append((field.name, String(decoding: try tokenizer.decode(tokens), as: UTF8.self)))
        }
      }
      shown.append(texts)
    }
    return shown
  }
}
