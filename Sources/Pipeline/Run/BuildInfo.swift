/// What made a checkpoint: bits are only promised to be equal on the same instruction set.
package enum BuildInfo {
  package static let version = "0.1.0"

  /// The widest instruction set the kernels were compiled for.
  package static var instructionSet: String {
    #if arch(x86_64)
      #if _endian(little)
        "x86-64"
      #endif
    #elseif arch(arm64)
      "arm64"
    #endif
  }

  package static var text: String { "troupe \(version), \(instructionSet)" }
}
