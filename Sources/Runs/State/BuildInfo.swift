import CPlatform

/// What made a checkpoint: bits are only promised to be equal on the same instruction set.
package enum BuildInfo {
  package static let version = "0.1.0"

  package static var text: String { "troupe \(version), \(String(cString: troupe_instruction_set()))" }
}
