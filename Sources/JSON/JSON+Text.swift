extension JSON {
  /// The value on one line.
  package var compactText: String {
    var text = ""
    write(to: &text, indent: nil, depth: 0)
    return text
  }

  /// The value over several lines, two spaces a level; arrays of plain values stay on one line.
  package var prettyText: String {
    var text = ""
    write(to: &text, indent: 2, depth: 0)
    return text
  }

  private func write(to text: inout String, indent: Int?, depth: Int) {
    switch content {
    case .null: text += "null"
    case .boolean(let flag): text += flag ? "true" : "false"
    case .number(let number): text += number.text
    case .string(let string): JSON.quote(string, to: &text)
    case .array(let elements):
      let plain = elements.allSatisfy { $0.array == nil && $0.members == nil }
      JSON.list(elements, "[", "]", indent: plain ? nil : indent, spaced: indent != nil, depth: depth, to: &text) {
        $0.write(to: &$1, indent: indent, depth: depth + 1)
      }
    case .object(let members):
      JSON.list(members, "{", "}", indent: indent, spaced: indent != nil, depth: depth, to: &text) { member, text in
        JSON.quote(member.key, to: &text)
        text += indent == nil ? ":" : ": "
        member.value.write(to: &text, indent: indent, depth: depth + 1)
      }
    }
  }

  private static func list<Element>(
    _ elements: [Element], _ open: String, _ close: String, indent: Int?, spaced: Bool, depth: Int,
    to text: inout String, element write: (Element, inout String) -> Void
  ) {
    text += open
    for (index, element) in elements.enumerated() {
      if index > 0 { text += "," }
      if let indent {
        text += "\n" + String(repeating: " ", count: indent * (depth + 1))
      } else if index > 0, spaced {
        text += " "
      }
      write(element, &text)
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indent * depth) }
    text += close
  }

  /// The string in quotes, with everything escaped that JSON demands.
  package static func quoted(_ string: String) -> String {
    var text = ""
    quote(string, to: &text)
    return text
  }

  private static func quote(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{8}": text += "\\b"
      case "\u{C}": text += "\\f"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
