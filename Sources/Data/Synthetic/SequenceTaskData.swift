import Configuration
import Tensors
import Tokenizers

/// Random digits, and the same reversed, sorted or copied: for encoder-decoders, without a download.
///
/// Lengths are uniform in 1 … `length`. A pair is a function of (seed, its number) alone.
package struct SequenceTaskData: DataKind {
  package static let kind = "sequence_task"
  package static let documentation = "generated: pairs of random digits and the same reversed, sorted or copied"

  package enum Task: String, CaseIterable, Sendable { case reverse, sort, copy }

  package var task = Task.reverse
  package var count = 10_000
  package var length = 10

  package init() {}

  package init(from reader: SettingsReader) throws(ConfigurationError) {
    task = try reader.choice("task", default: .reverse, "how the digits are changed")
    count = try reader.integer("count", default: 10_000, in: 1...Int(Int32.max), "number of pairs")
    length = try reader.integer("length", default: 10, in: 1...4096, "digits of the longest sequence")
  }

  package func open(seed: UInt64) throws(DataError) -> OpenedSamples {
    let samples = SequenceTaskSamples(self, seed: seed)
    var opened = OpenedSamples(samples: samples)
    opened.tokenizer = samples.layout.tokenizer
    return opened
  }
}

/// The pairs of a sequence task, drawn whenever they are read.
struct SequenceTaskSamples: SampleSource {
  let layout: PairLayout
  private let settings: SequenceTaskData
  private let seed: UInt64

  static let digits: [Unicode.Scalar] = Array("0123456789".unicodeScalars)

  init(_ settings: SequenceTaskData, seed: UInt64) {
    self.settings = settings
    self.seed = seed
    guard let vocabulary = CharacterVocabulary(Self.digits) else { preconditionFailure("digits ascend") }
    layout = PairLayout(.characters(vocabulary), sourceLength: settings.length, targetLength: settings.length + 1)
  }

  var name: String { SequenceTaskData.kind }
  var count: Int { settings.count }
  var fields: [SampleField] { layout.fields }
  var residentBytes: Int { 0 }
  var fingerprint: String {
    Fingerprint.of(
      "sequence_task 1 \(settings.task.rawValue) \(settings.count) \(settings.length) \(seed)", count: settings.count)
  }

  func read(_ index: Int, _ reading: Reading, field: Int, into output: TensorSlice) {
    precondition(index >= 0 && index < settings.count, "pair \(index) of \(settings.count)")
    let stream = RandomStream(seed: seed, purpose: .generation, step: index)
    let length = 1 + stream.integer(0, below: settings.length)
    func digit(_ place: Int) -> Int32 { Int32(stream.integer(1 + place, below: Self.digits.count)) }
    switch settings.task {
    case .copy: layout.write(field, length, length, into: output, source: digit, target: digit)
    case .reverse: layout.write(field, length, length, into: output, source: digit) { digit(length - 1 - $0) }
    case .sort:
      // How many digits are at most 0, 1, …: place i holds the first digit that more than i are at most.
      var upTo = SIMD16<Int32>(repeating: 0)
      let places = SIMD16<Int32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
      for place in 0..<length { upTo.replace(with: upTo &+ 1, where: places .>= digit(place)) }
      let counts = upTo
      layout.write(field, length, length, into: output, source: digit) { place in
        var value = 0
        while counts[value] <= Int32(place) { value += 1 }
        return Int32(value)
      }
    }
  }
}
