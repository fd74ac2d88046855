/// The arguments as the system gave them: where they are not UTF-8, `CommandLine.arguments` has other characters, and
/// different values could become one.
enum ArgumentText {
  /// The first argument that is not UTF-8, for a message; nil where all are.
  static func firstFlaw() -> String? {
    for number in 0..<Int(CommandLine.argc) {
      guard let argument = CommandLine.unsafeArgv[number], String(validatingCString: argument) == nil else { continue }
      return "argument \(number), \"\(String(cString: argument))\""
    }
    return nil
  }
}
