/// A JSON value that remembers its place in the file, so that an error can point at it.
package struct JSON: Sendable, Equatable {
  package enum Content: Sendable, Equatable {
    case null
    case boolean(Bool)
    case number(Number)
    case string(String)
    case array([JSON])
    /// In the order of the file.
    case object([Member])
  }

  package struct Member: Sendable, Equatable {
    package var key: String
    package var value: JSON

    package init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// A place in a file; lines and columns count from 1.
  package struct Location: Sendable, Equatable, CustomStringConvertible {
    package let file: String
    package let line: Int
    package let column: Int

    package var description: String { "\(file):\(line):\(column)" }
  }

  package var content: Content
  package var location: Location?

  package init(_ content: Content, at location: Location? = nil) {
    self.content = content
    self.location = location
  }

  package static func == (a: JSON, b: JSON) -> Bool { a.content == b.content }
}

// Short spellings for building values.
extension JSON {
  package static let null = JSON(.null)
  package static func string(_ text: String) -> JSON { JSON(.string(text)) }
  package static func boolean(_ flag: Bool) -> JSON { JSON(.boolean(flag)) }
  package static func integer(_ number: some BinaryInteger) -> JSON { JSON(.number(Number(String(number)))) }
  package static func array(_ elements: [JSON]) -> JSON { JSON(.array(elements)) }
  package static func object(_ members: [(String, JSON)]) -> JSON { JSON(.object(members.map { Member($0, $1) })) }
  /// One object with the members of several, in order.
  package static func joining(_ objects: JSON...) -> JSON { JSON(.object(objects.flatMap { $0.members ?? [] })) }

  /// A number in the fewest digits that read back as the same float64; NaN and infinities, which JSON lacks, become the
  /// strings "nan", "inf" and "-inf".
  package static func number(_ value: Double) -> JSON {
    guard value.isFinite else { return .string(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf") }
    if value == value.rounded(), abs(value) < 0x1p53 { return .integer(Int64(value)) }
    return JSON(.number(Number("\(value)")))
  }

  /// A float32 in the fewest digits that read back as the same float32.
  package static func number(_ value: Float) -> JSON {
    guard value.isFinite else { return .number(Double(value)) }
    if value == value.rounded(), abs(value) < 0x1p24 { return .integer(Int64(value)) }
    return JSON(.number(Number("\(value)")))
  }

  /// A number of at most `digits` significant digits (9 at most).
  package static func number(_ value: Double, digits: Int) -> JSON {
    value.isFinite ? JSON(.number(Number(LineBuffer.text(value, digits: digits)))) : .number(value)
  }

  /// A number of at most `digits` significant digits; null for nil, NaN and infinities.
  package static func finite(_ value: Double?, digits: Int = LineBuffer.normDigits) -> JSON {
    guard let value, value.isFinite else { return .null }
    return .number(value, digits: digits)
  }

  package static func finite(_ values: [Double], digits: Int = LineBuffer.normDigits) -> JSON {
    .array(values.map { .finite($0, digits: digits) })
  }
}

// Reading.
extension JSON {
  package var string: String? { if case .string(let text) = content { text } else { nil } }
  package var boolean: Bool? { if case .boolean(let flag) = content { flag } else { nil } }
  package var array: [JSON]? { if case .array(let elements) = content { elements } else { nil } }
  package var members: [Member]? { if case .object(let members) = content { members } else { nil } }

  package subscript(_ key: String) -> JSON? { members?.first { $0.key == key }?.value }

  /// The kind of value, for error messages.
  package var kindName: String {
    switch content {
    case .null: "null"
    case .boolean: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
