import Tensors

/// A set of samples of a source, in ascending order.
package struct SampleSet: Sendable, Equatable {
  private enum Members: Sendable, Equatable {
    case range(Range<Int>)
    case list([UInt32])
  }

  private let members: Members

  package init(_ range: Range<Int>) { members = .range(range) }

  /// - Parameter samples: distinct; kept in ascending order.
  init(_ samples: [UInt32]) { members = .list(samples.sorted()) }

  package var count: Int {
    switch members {
    case .range(let range): range.count
    case .list(let samples): samples.count
    }
  }

  package var isEmpty: Bool { count == 0 }

  /// The sample at `position`: evaluation walks 0 ..< count, which visits each exactly once.
  package subscript(position: Int) -> Int {
    switch members {
    case .range(let range):
      precondition(position >= 0 && position < range.count)
      return range.lowerBound + position
    case .list(let samples): return Int(samples[position])
    }
  }

  package var residentBytes: Int {
    if case .list(let samples) = members { samples.count * 4 } else { 0 }
  }
}

/// The samples for training, validation and test; no sample is in two of them.
///
/// A pure function of the sizes, the settings and the seed. The test set is cut off first, so that it does not depend
/// on the other splits; unless counts limit them, the three together are all samples.
package struct DataSplits: Sendable, Equatable {
  package let training: SampleSet
  package let validation: SampleSet
  package let test: SampleSet

  /// Samples are numbered with 32 bits.
  static let mostSamples = Int(UInt32.max)

  /// - Parameters:
  ///   - count: samples of the data itself.
  ///   - separateTest: samples of test files, which are numbered behind the others; 0 without.
  package init(
    count: Int, separateTest: Int = 0, settings: CommonDataSettings, seed: UInt64, name: String
  ) throws(DataError) {
    guard count >= 1, count + separateTest <= Self.mostSamples else {
      throw DataError(name, expected: "1 to \(Self.mostSamples) samples", found: "\(count + separateTest)")
    }
    var settings = settings
    if separateTest > 0 {
      guard settings.test == .fraction(0) || settings.test == .count(0) else {
        throw DataError(
          name, at: "data.\(settings.test.key(of: "test"))", expected: "none, because there is a separate test set",
          found: settings.test.text, advice: "remove it, or the test files")
      }
      settings.test = .count(0)
    }
    let testCount = try Self.resolve(settings.test, of: count, "test", name)
    let validationCount = try Self.resolve(settings.validation, of: count, "validation", name)
    let rest = count - testCount - validationCount
    guard rest >= 1 else {
      throw DataError(
        name, at: "data", expected: "at least one sample left to train on",
        found: "\(testCount) for the test and \(validationCount) to validate of \(count)",
        advice: "lower test_fraction or validation_fraction")
    }
    let trainCount = try Self.trainCount(settings, of: rest, name)
    let filed = SampleSet(count..<count + separateTest)
    guard testCount + validationCount > 0 || trainCount < count else {
      training = SampleSet(0..<count)
      validation = SampleSet([])
      test = filed
      return
    }
    let permutation = RandomStream(seed: seed, purpose: .splitting).permutation(of: count)
    func part(_ positions: Range<Int>) -> SampleSet { SampleSet(positions.map { UInt32(permutation[$0]) }) }
    test = separateTest > 0 ? filed : part(0..<testCount)
    validation = part(testCount..<testCount + validationCount)
    let first = testCount + validationCount
    training = part(first..<first + trainCount)
  }

  /// Splits that a kind of data has made itself, numbered one after another.
  package init(
    training: Int, validation: Int, test: Int, settings: CommonDataSettings, name: String
  ) throws(DataError) {
    guard training >= 1, training + validation + test <= Self.mostSamples else {
      throw DataError(name, expected: "1 to \(Self.mostSamples) samples", found: "\(training + validation + test)")
    }
    self.training = SampleSet(0..<(try Self.trainCount(settings, of: training, name)))
    self.validation = SampleSet(training..<training + validation)
    self.test = SampleSet(training + validation..<training + validation + test)
  }

  private static func trainCount(
    _ settings: CommonDataSettings, of rest: Int, _ name: String
  ) throws(DataError) -> Int {
    let wanted = settings.trainCount ?? rest
    guard wanted <= rest else {
      throw DataError(
        name, at: "data.train_count", expected: "at most the \(rest) samples that test and validation leave",
        found: "\(wanted)")
    }
    return min(wanted, settings.limit ?? rest)
  }

  private static func resolve(
    _ size: SplitSize, of count: Int, _ split: String, _ name: String
  ) throws(DataError) -> Int {
    switch size {
    case .count(let samples):
      guard samples <= count else {
        throw DataError(
          name, at: "data.\(size.key(of: split))", expected: "at most the \(count) samples", found: "\(samples)")
      }
      return samples
    case .fraction(let fraction):
      let samples = Int((fraction * Double(count)).rounded())
      guard samples >= 1 || fraction == 0 else {
        throw DataError(
          name, at: "data.\(size.key(of: split))", expected: "a share of \(count) samples of at least one",
          found: "\(fraction)", advice: "raise it or set it to 0")
      }
      return samples
    }
  }
}
