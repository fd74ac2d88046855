import Configuration
import JSON

/// The JSON Schema of sweep files.
package enum SweepSchema {
  package static var sweep: JSON {
    SchemaDocument.make("Troupe sweep") { (reader) throws(ConfigurationError) in _ = try SweepSettings(from: reader) }
  }
}
