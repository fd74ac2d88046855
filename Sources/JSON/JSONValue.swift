/// A type with a form in JSON that reads back as the same value.
package protocol JSONValue {
  init(json: JSON) throws(JSONMismatch)
  var json: JSON { get }
}

/// A value of another kind than expected, with its path in the document.
package struct JSONMismatch: Error, Equatable, CustomStringConvertible, Sendable {
  private var path = ""
  private let message: String

  package init(_ message: String) { self.message = message }

  init(expected: String, _ json: JSON) {
    self.init("expected \(expected), found \(json == .null ? "nothing" : json.kindName)")
  }

  /// The same at `part`, a key or a place in brackets, of an outer value.
  package func inside(_ part: String) -> JSONMismatch {
    var outer = self
    outer.path = path.isEmpty || path.hasPrefix("[") ? part + path : "\(part).\(path)"
    return outer
  }

  package var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

extension JSON: JSONValue {
  package init(json: JSON) { self = json }
  package var json: JSON { self }

  /// The value of a key; an absent one reads as null.
  package func member<Value: JSONValue>(_ key: String) throws(JSONMismatch) -> Value {
    do throws(JSONMismatch) {
      return try Value(json: self[key] ?? .null)
    } catch {
      throw error.inside(key)
    }
  }
}

/// An object of any values, in the order of the literal: `["name": name, "steps": 3]`.
extension JSON: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral members: (String, any JSONValue)...) {
    self = .object(members.map { ($0, $1.json) })
  }
}

extension Bool: JSONValue {
  package init(json: JSON) throws(JSONMismatch) {
    guard let flag = json.boolean else { throw JSONMismatch(expected: "true or false", json) }
    self = flag
  }

  package var json: JSON { .boolean(self) }
}

extension String: JSONValue {
  package init(json: JSON) throws(JSONMismatch) {
    guard let text = json.string else { throw JSONMismatch(expected: "a string", json) }
    self = text
  }

  package var json: JSON { .string(self) }
}

/// Reads numbers from 0 only: records have no others.
extension Int: JSONValue {
  package init(json: JSON) throws(JSONMismatch) {
    guard let count = json.count else { throw JSONMismatch(expected: "a whole number from 0", json) }
    self = count
  }

  package var json: JSON { .integer(self) }
}

extension UInt64: JSONValue {
  package init(json: JSON) throws(JSONMismatch) {
    guard let number = json.unsigned else { throw JSONMismatch(expected: "a whole number from 0", json) }
    self = number
  }

  package var json: JSON { .integer(self) }
}

/// A number, or some numbers, that may be written with fewer digits than it has.
package protocol JSONDecimal: JSONValue {
  func json(digits: Int) -> JSON
}

extension Double: JSONDecimal {
  package init(json: JSON) throws(JSONMismatch) {
    guard let number = json.floatingPoint else { throw JSONMismatch(expected: "a number", json) }
    self = number
  }

  package var json: JSON { .number(self) }
  package func json(digits: Int) -> JSON { .number(self, digits: digits) }
}

extension Float: JSONDecimal {
  package init(json: JSON) throws(JSONMismatch) { self.init(try Double(json: json)) }
  package var json: JSON { .number(self) }
  package func json(digits: Int) -> JSON { .number(Double(self), digits: digits) }
}

extension JSONValue where Self: RawRepresentable, RawValue == String {
  package init(json: JSON) throws(JSONMismatch) {
    let text = try String(json: json)
    guard let value = Self(rawValue: text) else { throw JSONMismatch("unknown value \"\(text)\"") }
    self = value
  }

  package var json: JSON { .string(rawValue) }
}

extension Optional: JSONValue where Wrapped: JSONValue {
  package init(json: JSON) throws(JSONMismatch) { self = json == .null ? nil : try Wrapped(json: json) }
  package var json: JSON { self?.json ?? .null }
}

extension Optional: JSONDecimal where Wrapped: JSONDecimal {
  package func json(digits: Int) -> JSON { self?.json(digits: digits) ?? .null }
}

extension Array: JSONValue where Element: JSONValue {
  package init(json: JSON) throws(JSONMismatch) {
    guard let elements = json.array else { throw JSONMismatch(expected: "an array", json) }
    self = []
    reserveCapacity(elements.count)
    for (place, element) in elements.enumerated() {
      do throws(JSONMismatch) {
        append(try Element(json: element))
      } catch {
        throw error.inside("[\(place)]")
      }
    }
  }

  package var json: JSON { .array(map(\.json)) }
}

extension Array: JSONDecimal where Element: JSONDecimal {
  package func json(digits: Int) -> JSON { .array(map { $0.json(digits: digits) }) }
}
