import JSON

/// The settings of several runs side by side: one row per key path, one column per run.
package struct ConfigurationTable {
  package struct Row: Equatable {
    /// The key path in the form of `--set`: `optimizer.learning_rate`.
    package var key: String
    /// The value's JSON text for each run; nil where the run's configuration lacks the key.
    package var values: [String?]
    /// True when the runs that have a readable configuration do not agree.
    package var differs = false
  }

  /// More keys than this are not listed.
  static let mostRows = 1000
  /// Longer values are cut.
  static let longestValue = 200

  package private(set) var rows: [Row] = []
  /// For each run, whether its configuration exists and is JSON.
  package private(set) var readable: [Bool] = []

  package init(_ texts: [String?]) {
    var places: [String: Int] = [:]
    for (run, text) in texts.enumerated() {
      let bytes = Array((text ?? "").utf8)
      guard let json = try? JSONParser.parse(bytes.span), json.members != nil else {
        readable.append(false)
        continue
      }
      readable.append(true)
      Self.walk(json, path: "") { key, value in
        if let place = places[key] {
          rows[place].values[run] = value
        } else if rows.count < Self.mostRows {
          places[key] = rows.count
          var values = [String?](repeating: nil, count: texts.count)
          values[run] = value
          rows.append(Row(key: key, values: values))
        }
      }
    }
    rows.sort { $0.key < $1.key }
    let compared = readable.indices.filter { readable[$0] }
    for place in rows.indices {
      rows[place].differs = Set(compared.map { rows[place].values[$0] }).count > 1
    }
  }

  /// The rows in which the runs differ, without the run's name; rows with a value for every run come first.
  package var differences: [Row] {
    let different = rows.filter { $0.differs && $0.key != "name" }
    func isWhole(_ row: Row) -> Bool { readable.indices.allSatisfy { !readable[$0] || row.values[$0] != nil } }
    return different.filter(isWhole) + different.filter { !isWhole($0) }
  }

  /// The last part of a key path, or the whole path where another row has the same last part.
  package func shortKey(_ row: Row) -> String {
    func last(_ key: String) -> String { key.split(separator: ".").last.map(String.init) ?? key }
    let short = last(row.key)
    return rows.count { $0.differs && last($0.key) == short } == 1 ? short : row.key
  }

  /// A value as a user spells it, in the form of the rows.
  package static func value(_ text: String) -> String {
    guard let json = try? JSONParser.parse(Array(text.utf8).span), json.floatingPoint != nil else { return text }
    return json.text
  }

  private static func walk(_ json: JSON, path: String, _ visit: (String, String) -> Void) {
    switch json.content {
    case .object(let members) where !members.isEmpty:
      for member in members where member.key != "$schema" {
        walk(member.value, path: path.isEmpty ? member.key : "\(path).\(member.key)", visit)
      }
    case .array(let values) where values.contains(where: { $0.isContainer }):
      for (index, value) in values.enumerated() { walk(value, path: "\(path)[\(index)]", visit) }
    default: visit(path, String(json.text.prefix(longestValue)))
    }
  }
}

extension JSON {
  /// Whether the value has rows of its own; a list of numbers is one row.
  fileprivate var isContainer: Bool {
    members != nil || array.map { !$0.allSatisfy { $0.floatingPoint != nil } } ?? false
  }

  /// The value without quotes, in one form for equal numbers.
  fileprivate var text: String {
    switch content {
    case .object: "{}"
    case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
    case .string(let value): value
    case .number(let number):
      unsigned.map(String.init) ?? double.map { LineBuffer.text($0, digits: LineBuffer.exactDigits) } ?? number.text
    case .boolean(let value): value ? "true" : "false"
    case .null: "null"
    }
  }
}
