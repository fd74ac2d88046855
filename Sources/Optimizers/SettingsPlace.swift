import Configuration

/// The place of a key, for errors that are found only after its object was read.
struct SettingsPlace: Sendable {
  private let template: ConfigurationError

  init(_ key: String? = nil, in reader: SettingsReader) { template = reader.error(key, "") }

  func error(_ message: String) -> ConfigurationError {
    ConfigurationError(path: template.path, message: message, location: template.location)
  }
}
