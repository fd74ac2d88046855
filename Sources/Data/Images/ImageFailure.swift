import Formats

/// Why an image of a collection cannot be read.
enum ImageFailure: Error {
  /// The file's bytes are no image that can be read, which never changes.
  case badSample(ImageError)
  /// The file cannot be opened or read, or the image does not fit the others: never skipped.
  case other(DataError)

  static let skippingAdvice = "set data.on_bad_sample to skip"

  /// Runs `body`, whose errors are not about the bytes of an image.
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
  // Without the advice: the image is already skipped.
  init(_ name: String, _ error: ImageError) {
    var error = error
    error.advice = ""
    self.init(name: name, reason: error.description)
  }
}
