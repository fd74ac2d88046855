import JSON

extension JSONParser {
  /// The JSON value of a configuration's text.
  ///
  /// - Parameter file: the name that locations carry.
  package static func parse(_ text: [UInt8], file: String) throws(ConfigurationError) -> JSON {
    do throws(JSONError) {
      return try parse(text.span, file: file)
    } catch {
      throw ConfigurationError(path: "", message: error.message, location: error.location)
    }
  }

  package static func parse(_ text: String, file: String) throws(ConfigurationError) -> JSON {
    try parse(Array(text.utf8), file: file)
  }
}
