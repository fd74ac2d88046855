import Formats

/// Why an image of a collection cannot be had.
enum ImageFailure: Error {
  /// The file's bytes are no image that can be read: the same whenever they are looked at.
  case badSample(ImageError)
  /// The file cannot be opened or read, or the image does not go with the others: never skipped.
  case other(DataError)

  /// For those who would rather do without the image.
  static let skippingAdvice = "set data.on_bad_sample to skip"

  /// Runs `body`, whose errors say nothing about the bytes of an image.
  static func reading<Result>(_ body: () throws(DataError) -> Result) throws(ImageFailure) -> Result {
    do throws(DataError) {
      return try body()
    } catch {
      throw .other(error)
    }
  }

  /// The failure of the image `name` of the collection at `path`, as the error that ends a run.
  func refusal(_ path: String, _ name: String, _ policy: BadSamplePolicy) -> DataError {
    switch self {
    case .badSample(let error):
      let advice = [error.advice, policy == .fail ? Self.skippingAdvice : ""].filter { !$0.isEmpty }
      return DataError(
        path, at: "\(name): \(error.place)", expected: error.expected, found: error.found,
        advice: advice.joined(separator: ", or "))
    case .other(let error): return error
    }
  }
}

extension SkippedSamples.Item {
  /// What to do about it is said elsewhere: it has been done.
  init(_ name: String, _ error: ImageError) {
    var error = error
    error.advice = ""
    self.init(name: name, reason: error.description)
  }
}
