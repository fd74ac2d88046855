import Files
import Tensors
import Tokenizers

/// Pairs of texts as tokens, in memory without their padding.
final class PairSamples: SampleSource {
  let name: String
  let fingerprint: String
  private let layout: PairLayout
  /// Source and target of one pair after another.
  private let tokens: [Int32]
  /// Where they begin, 2 for each pair, and the end of the last.
  private let starts: [Int]

  /// - Parameter drops: whether pairs that are too long are left out instead of refused.
  init(
    _ lines: PairLines, _ layout: PairLayout, _ tokenizer: Tokenizer, drops: Bool, name: String
  ) throws(DataError) {
    // A text never becomes a special token.
    var encoder = TokenEncoder(tokenizer, readsSpecialTokens: false)
    var tokens: [Int32] = []
    var starts = [0]
    for pair in lines.pairs {
      let first = tokens.count
      try DataError.locating(pair.file, "line \(pair.line)") { () throws(TokenizerError) in
        try encoder.append(pair.source, to: &tokens)
        starts.append(tokens.count)
        try encoder.append(pair.target, to: &tokens)
      }
      starts.append(tokens.count)
      let source = starts[starts.count - 2] - first
      let target = tokens.count - starts[starts.count - 2] + 1
      if source <= layout.sourceLength, target <= layout.targetLength { continue }
      guard drops else {
        throw DataError(
          pair.file, at: "line \(pair.line)",
          expected: "at most \(layout.sourceLength) tokens of source and \(layout.targetLength) of target and end",
          found: "\(source) and \(target)",
          advice: "raise data.source_length and data.target_length, or set data.too_long to \"drop\"")
      }
      tokens.removeLast(tokens.count - first)
      starts.removeLast(2)
    }
    guard starts.count > 1 else {
      throw DataError(
        name, expected: "pairs that fit the lengths", found: "none of \(lines.pairs.count)",
        advice: "raise data.source_length and data.target_length")
    }
    self.layout = layout
    self.tokens = tokens
    self.starts = starts
    self.name = name
    let sums = [CRC32C.checksum(tokens.span.bytes), CRC32C.checksum(starts.span.bytes)]
    fingerprint = Fingerprint.of(
      "pairs \(layout.tokenizer.digest) \(layout.sourceLength) \(layout.targetLength) \(sums)",
      count: starts.count / 2)
  }

  var count: Int { starts.count / 2 }
  var fields: [SampleField] { layout.fields }
  var residentBytes: Int { tokens.count * 4 + starts.count * 8 }

  func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    precondition(index >= 0 && index < count, "pair \(index) of \(count)")
    let (source, target, end) = (starts[2 * index], starts[2 * index + 1], starts[2 * index + 2])
    layout.write(
      field, target - source, end - target, into: output, source: { tokens[source + $0] },
      target: { tokens[target + $0] })
  }
}
