/// A type that names the members of its JSON object once, for reading and writing alike.
package protocol JSONRecord: JSONValue {
  /// A record to read into.
  init()
  /// Passes every member to `coder`, in the order of the file.
  mutating func code(_ coder: inout JSONCoder)
}

extension JSONRecord {
  package init(json: JSON) throws(JSONMismatch) {
    guard json.members != nil else { throw JSONMismatch(expected: "an object", json) }
    self.init()
    var coder = JSONCoder(source: json)
    code(&coder)
    if let failure = coder.failure { throw failure }
  }

  package var json: JSON {
    var (record, coder) = (self, JSONCoder(source: nil))
    record.code(&coder)
    return JSON(.object(coder.members))
  }
}

/// Reads a record's members from an object, or writes them to one.
package struct JSONCoder {
  fileprivate let source: JSON?
  fileprivate var members: [JSON.Member] = []
  /// The first member that could not be read; later members are not read.
  fileprivate var failure: JSONMismatch?

  fileprivate init(source: JSON?) { self.source = source }

  package var isReading: Bool { source != nil }

  /// A member that must be there.
  package mutating func member<Value: JSONValue>(_ key: String, _ value: inout Value) {
    if isReading { read(key, &value) } else { write(key, value.json) }
  }

  /// A number that is written with at most `digits` significant digits.
  package mutating func member(_ key: String, _ value: inout some JSONDecimal, digits: Int) {
    if isReading { read(key, &value) } else { write(key, value.json(digits: digits)) }
  }

  /// A member that is absent where there is no value.
  package mutating func member<Value: JSONValue>(optional key: String, _ value: inout Value?) {
    if isReading || value != nil { member(key, &value) }
  }

  package mutating func member(optional key: String, _ value: inout (some JSONDecimal)?, digits: Int) {
    if isReading || value != nil { member(key, &value, digits: digits) }
  }

  /// A number that is null where it is not finite, and NaN where it is not a number.
  package mutating func finite(_ key: String, _ value: inout Float, digits: Int = LineBuffer.exactDigits) {
    if let source {
      value = Float(source[key]?.double ?? .nan)
    } else {
      write(key, .finite(Double(value), digits: digits))
    }
  }

  /// A number that is refused outside of `range`.
  package mutating func member(_ key: String, _ value: inout Int, in range: ClosedRange<Int>) {
    member(key, &value)
    require(range.contains(value), key, "expected \(range.lowerBound) to \(range.upperBound), found \(value)")
  }

  /// A member that must be there with this value.
  package mutating func constant(_ key: String, _ expected: some JSONValue) {
    guard let source else { return write(key, expected.json) }
    require(source[key] == expected.json, key, "expected \(expected.json.compactText)")
  }

  /// A member that is written for other programs and follows from the rest.
  package mutating func derived(_ key: String, _ value: @autoclosure () -> JSON) {
    if !isReading { write(key, value()) }
  }

  /// Refuses an object that does not meet the condition.
  package mutating func require(_ condition: @autoclosure () -> Bool, _ key: String, _ message: String) {
    if isReading, failure == nil, !condition() { failure = JSONMismatch(message).inside(key) }
  }

  private mutating func read<Value: JSONValue>(_ key: String, _ value: inout Value) {
    guard let source, failure == nil else { return }
    do throws(JSONMismatch) {
      value = try source.member(key)
    } catch {
      failure = error
    }
  }

  private mutating func write(_ key: String, _ value: JSON) { members.append(JSON.Member(key, value)) }
}
