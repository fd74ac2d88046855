extension String {
  /// The text with control characters as escapes such as `\n` and `\u{1B}`: foreign text can neither command a terminal
  /// nor tear a line or a table.
  ///
  /// - Parameter kept: control characters that stay as they are.
  func escaped(
    keeping kept: Set<Unicode.Scalar> = [], as escape: (Unicode.Scalar) -> String = { $0.escape }
  ) -> String {
    guard unicodeScalars.contains(where: { $0.isHidden && !kept.contains($0) }) else { return self }
    return unicodeScalars.map { $0.isHidden && !kept.contains($0) ? escape($0) : String($0) }.joined()
  }
}

extension Unicode.Scalar {
  /// Whether a terminal would act on the character instead of showing it, or show its neighbors in another order.
  fileprivate var isHidden: Bool {
    switch value {
    case 0x20...0x7E: false
    case 0x202A...0x202E, 0x2066...0x2069: true
    default: [.control, .lineSeparator, .paragraphSeparator].contains(properties.generalCategory)
    }
  }

  fileprivate var escape: String {
    switch self {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    default: "\\u{\(String(value, radix: 16, uppercase: true))}"
    }
  }

  /// As a JSON string spells it; every such character lies in the Basic Multilingual Plane.
  var jsonEscape: String {
    let digits = String(value, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
  }
}

extension String {
  /// A word of a file format as people read it: `too shallow` of `too_shallow`.
  var spaced: String { replacing("_", with: " ") }
}
