extension JSON {
  /// The value on one line.
  package var compactText: String { text(isPretty: false) }

  /// The value over several lines, two spaces per level; arrays of plain values stay on one line.
  package var prettyText: String { text(isPretty: true) }

  private func text(isPretty: Bool) -> String {
    var buffer = LineBuffer(capacity: Self.usualSize, escapesMarkup: false)
    buffer.json(self, isPretty: isPretty)
    return String(decoding: buffer.text, as: UTF8.self)
  }

  /// The value on one line as UTF-8, safe inside an HTML `script` element.
  package var markupSafeText: [UInt8] {
    var buffer = LineBuffer()
    buffer.json(self)
    return Array(buffer.text)
  }

  private static let usualSize = 256

  /// The string in quotes, with everything escaped that JSON demands.
  package static func quoted(_ string: String) -> String { JSON.string(string).compactText }

  fileprivate var isPlain: Bool { array == nil && members == nil }
}

extension LineBuffer {
  /// Appends a value as JSON text.
  package mutating func json(_ json: JSON, isPretty: Bool = false) {
    write(json, indent: isPretty ? 2 : nil, depth: 0)
  }

  private mutating func write(_ json: JSON, indent: Int?, depth: Int) {
    switch json.content {
    case .null: raw("null")
    case .boolean(let flag): raw(flag ? "true" : "false")
    case .number(let number): raw(number.text)
    case .string(let text): string(text)
    case .array(let elements):
      raw("[")
      let isFlat = indent == nil || elements.allSatisfy(\.isPlain)
      for (index, element) in elements.enumerated() {
        if index > 0 { raw(isFlat && indent != nil ? ", " : ",") }
        if !isFlat { newLine(indent, depth: depth + 1) }
        write(element, indent: indent, depth: depth + 1)
      }
      if !isFlat { newLine(indent, depth: depth) }
      raw("]")
    case .object(let members):
      raw("{")
      for (index, member) in members.enumerated() {
        if index > 0 { raw(",") }
        newLine(indent, depth: depth + 1)
        string(member.key)
        raw(indent == nil ? ":" : ": ")
        write(member.value, indent: indent, depth: depth + 1)
      }
      if !members.isEmpty { newLine(indent, depth: depth) }
      raw("}")
    }
  }

  private mutating func newLine(_ indent: Int?, depth: Int) {
    guard let indent else { return }
    raw("\n")
    for _ in 0..<indent * depth { raw(" ") }
  }
}
