import CPlatform

/// The build that writes checkpoints: equal bits are only guaranteed on the same instruction set.
package enum BuildInfo {
  package static let version = "0.1.0"

  package static var text: String { "troupe \(version), \(String(cString: troupe_instruction_set()))" }
}
