import Configuration
import JSON

/// The JSON Schema of configuration files.
package enum ConfigurationSchema {
  package static var train: JSON {
    SchemaDocument.make("Troupe training configuration") { (reader) throws(ConfigurationError) in
      _ = try RunKeys(from: reader)
    }
  }
}
