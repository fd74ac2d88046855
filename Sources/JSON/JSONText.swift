/// Builds JSON text member by member and puts the commas.
package struct JSONText {
  package private(set) var buffer = LineBuffer()
  private var needsComma = false

  package init() {}

  /// The text so far.
  package var bytes: ArraySlice<UInt8> { buffer.bytes[..<buffer.count] }

  /// Ends a file's last line.
  package mutating func lineFeed() { buffer.raw("\n") }

  private mutating func start(_ key: StaticString?) {
    if needsComma { buffer.raw(",") }
    needsComma = true
    guard let key else { return }
    buffer.raw("\"")
    buffer.raw(key)
    buffer.raw("\":")
  }

  package mutating func object(_ key: StaticString? = nil, _ members: (inout JSONText) -> Void) {
    start(key)
    nest("{", "}", members)
  }

  package mutating func array(_ key: StaticString? = nil, _ elements: (inout JSONText) -> Void) {
    start(key)
    nest("[", "]", elements)
  }

  private mutating func nest(_ opening: StaticString, _ closing: StaticString, _ body: (inout JSONText) -> Void) {
    buffer.raw(opening)
    needsComma = false
    body(&self)
    buffer.raw(closing)
    needsComma = true
  }

  package mutating func field(_ key: StaticString? = nil, _ text: String) {
    start(key)
    buffer.string(text)
  }

  package mutating func field(_ key: StaticString? = nil, optional text: String?) {
    start(key)
    if let text { buffer.string(text) } else { buffer.raw("null") }
  }

  package mutating func field(_ key: StaticString? = nil, _ value: Bool) {
    start(key)
    buffer.raw(value ? "true" : "false")
  }

  package mutating func field(_ key: StaticString? = nil, _ value: Int) {
    start(key)
    buffer.integer(value)
  }

  /// A number; nil and non-finite ones become `null`.
  package mutating func field(_ key: StaticString? = nil, _ value: Double?, digits: Int = LineBuffer.normDigits) {
    start(key)
    if let value, value.isFinite { buffer.number(value, digits: digits) } else { buffer.raw("null") }
  }

  package mutating func field(_ key: StaticString? = nil, _ values: [Double], digits: Int = LineBuffer.normDigits) {
    array(key) { text in
      for value in values { text.field(nil, value, digits: digits) }
    }
  }

  package mutating func field(_ key: StaticString? = nil, _ values: [String]) {
    array(key) { text in
      for value in values { text.field(nil, value) }
    }
  }
}
