import Tensors

/// Windows of T tokens of one split of a text: "input" (T), and "target" (T), the token behind each.
///
/// Windows do not overlap. In training those of an epoch begin at an offset of 0 ..< T that is drawn from (seed,
/// epoch); in evaluation at the first token, and the last one is padded, so that every token but the first is predicted
/// exactly once. A target of -1 is not learned: in the padding, and at the first token of a document with
/// "document_boundaries".
final class TextWindows: SampleSource {
  enum Purpose: Sendable {
    /// - Parameter seed: of the offsets; nil begins every epoch at the first token.
    case training(seed: UInt64?)
    case evaluation
  }

  /// The input behind the last token, whose target is not learned.
  private static let padding: Int32 = 0

  let name: String
  let count: Int
  let fields: [SampleField]
  let residentBytes: Int
  let fingerprint: String
  private let store: TokenStore
  /// The tokens of the split.
  private let range: Range<Int>
  private let length: Int
  private let masksBoundaries: Bool
  private let seed: UInt64?
  /// Offsets to draw from.
  private let offsets: Int

  /// - Parameters:
  ///   - range: for training at least `length` + 1 tokens, for evaluation two.
  ///   - description: of everything that decides the tokens, for the fingerprint.
  init(
    _ store: TokenStore, _ range: Range<Int>, length: Int, vocabularySize: Int, masksBoundaries: Bool,
    purpose: Purpose, name: String, description: String
  ) {
    self.store = store
    self.range = range
    self.length = length
    self.masksBoundaries = masksBoundaries
    self.name = name
    switch purpose {
    case .training(let seed):
      precondition(range.count > length)
      self.seed = seed
      // The windows must fit at every offset.
      count = max(1, range.count / length - 1)
      offsets = min(length, range.count - count * length)
      residentBytes = store.residentBytes
    case .evaluation:
      precondition(range.count >= 2)
      seed = nil
      count = (range.count - 1 + length - 1) / length
      offsets = 1
      residentBytes = 0
    }
    fields = [SampleField.input, SampleField.target].map {
      SampleField(name: $0, shape: TensorShape([length]), type: .int32, classCount: vocabularySize)
    }
    fingerprint = Fingerprint.of(
      "\(description) \(range) \(length) \(masksBoundaries) \(store.checksum)", count: count)
  }

  /// Where the windows of an epoch begin.
  func offset(_ reading: Reading) -> Int {
    guard let seed, case .training(let epoch) = reading else { return 0 }
    return RandomStream(seed: seed, purpose: .shuffling, step: epoch, stream: 1).integer(0, below: offsets)
  }

  func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    precondition(index >= 0 && index < count, "window \(index) of \(count)")
    let start = range.lowerBound + offset(reading) + index * length
    let predicted = min(length, range.upperBound - 1 - start)
    var target = output.mutableIntegers
    let isInput = field == 0
    store.copy(from: isInput ? start : start + 1, predicted, into: &target)
    for position in predicted..<length { target[position] = isInput ? Self.padding : -1 }
    if !isInput, masksBoundaries { maskBoundaries(from: start + 1, predicted, &target) }
  }

  private func maskBoundaries(from start: Int, _ count: Int, _ target: inout MutableSpan<Int32>) {
    var document = store.firstDocument(from: start)
    while document < store.documentStarts.count, store.documentStarts[document] < start + count {
      target[store.documentStarts[document] - start] = -1
      document += 1
    }
  }
}
