import Tensors
import Tokenizers

/// The fields of pairs of sequences for an encoder and a decoder.
///
///     source          (S)  the source's tokens, then padding
///     source_lengths  ()   the source's tokens without padding, 1…S
///     input           (T)  the begin token and the target's tokens, then padding
///     target          (T)  the target's tokens and the end token, then -1
///
/// "input", the decoder's, is the first: a model of one input reads it.
struct PairLayout: Sendable {
  let sourceLength: Int
  /// With the end token.
  let targetLength: Int
  /// The text's, with the three special tokens behind it.
  let tokenizer: Tokenizer
  private let padding: Int32
  private let begin: Int32
  private let end: Int32

  init(_ tokenizer: Tokenizer, sourceLength: Int, targetLength: Int) {
    let texts = [Tokenizer.padding, Tokenizer.beginOfAnswer, Tokenizer.endOfAnswer]
    self.tokenizer = tokenizer.adding(specialTokens: texts)
    self.sourceLength = sourceLength
    self.targetLength = targetLength
    let tokens = texts.compactMap(self.tokenizer.token(special:))
    precondition(tokens.count == texts.count)
    (padding, begin, end) = (tokens[0], tokens[1], tokens[2])
  }

  var fields: [SampleField] {
    let (source, target) = (TensorShape([sourceLength]), TensorShape([targetLength]))
    let classes = tokenizer.vocabularySize
    return [
      SampleField(name: SampleField.input, shape: target, type: .int32, classCount: classes),
      SampleField(name: "source", shape: source, type: .int32, classCount: classes),
      SampleField(name: "source_lengths", shape: .scalar, type: .int32, classCount: sourceLength + 1),
      SampleField(name: SampleField.target, shape: target, type: .int32, classCount: classes),
    ]
  }

  /// Writes field number `field` of a pair of `sourceCount` and `targetCount` tokens.
  @inline(__always)
  func write(
    _ field: Int, _ sourceCount: Int, _ targetCount: Int, into output: TensorSlice, source: (Int) -> Int32,
    target: (Int) -> Int32
  ) {
    var values = output.mutableIntegers
    switch field {
    case 0:
      values[0] = begin
      for i in 1..<max(1, values.count) { values[i] = i <= targetCount ? target(i - 1) : padding }
    case 1: for i in 0..<values.count { values[i] = i < sourceCount ? source(i) : padding }
    case 2: values[0] = Int32(sourceCount)
    default: for i in 0..<values.count { values[i] = i < targetCount ? target(i) : i == targetCount ? end : -1 }
    }
  }
}
