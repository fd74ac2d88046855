import SystemPackage

/// The parser's help, with what it leaves undone: it wraps no usage, and calls every group "… SUBCOMMANDS".
enum HelpText {
  private static let usage = "USAGE: "
  private static let groupSuffix = " SUBCOMMANDS:"

  static func arranged(_ text: String, columns: Int) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      if line.hasPrefix(usage) { return wrapped(line, columns: columns) }
      return line.hasSuffix(groupSuffix) ? line.dropLast(groupSuffix.count) + ":" : String(line)
    }.joined(separator: "\n")
  }

  /// Breaks a line before options and arguments, and indents what follows as far as the usage.
  private static func wrapped(_ line: Substring, columns: Int) -> String {
    var lines = [""]
    for part in parts(of: line) {
      if lines[lines.count - 1].count + 1 + part.count >= columns {
        lines.append(String(repeating: " ", count: usage.count) + part)
      } else {
        lines[lines.count - 1] += (lines == [""] ? "" : " ") + part
      }
    }
    return lines.joined(separator: "\n")
  }

  /// Words, with what stands in brackets as one of them.
  private static func parts(of line: Substring) -> [String] {
    var parts: [String] = []
    var depth = 0
    for word in line.split(separator: " ") {
      if depth > 0 { parts[parts.count - 1] += " " + word } else { parts.append(String(word)) }
      depth += word.count { $0 == "[" } - word.count { $0 == "]" }
    }
    return parts
  }
}
