/// The settings of several runs side by side: one row a key path, one column a run.
package struct ConfigurationTable {
  package struct Row: Equatable {
    /// The key path as `--set` takes it: `optimizer.learning_rate`.
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
  /// For each run, whether its configuration is there and is JSON.
  package private(set) var readable: [Bool] = []

  package init(_ texts: [String?]) {
    let powers = PowersOfTen()
    var places: [String: Int] = [:]
    for (run, text) in texts.enumerated() {
      let bytes = Array((text ?? "").utf8)
      guard let node = JSONNode.parse(bytes.span, powers: powers), case .object = node else {
        readable.append(false)
        continue
      }
      readable.append(true)
      Self.walk(node, path: "") { key, value in
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

  private static func walk(_ node: JSONNode, path: String, _ visit: (String, String) -> Void) {
    switch node {
    case .object(let members) where !members.isEmpty:
      for member in members where member.key != "$schema" {
        walk(member.value, path: path.isEmpty ? member.key : "\(path).\(member.key)", visit)
      }
    case .array(let values) where values.contains(where: { $0.isContainer }):
      for (index, value) in values.enumerated() { walk(value, path: "\(path)[\(index)]", visit) }
    default: visit(path, String(node.text.prefix(longestValue)))
    }
  }
}

extension JSONNode {
  fileprivate var isContainer: Bool {
    switch self {
    case .object, .array: true
    default: false
    }
  }

  /// The value as a person would write it.
  fileprivate var text: String {
    switch self {
    case .object: "{}"
    case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
    case .numbers(let values): "[" + values.map { JSONNode.number($0).text }.joined(separator: ", ") + "]"
    case .string(let value): value
    case .integer(let value): String(value)
    case .number(let value): LineBuffer.text(value, digits: LineBuffer.exactDigits)
    case .bool(let value): value ? "true" : "false"
    case .null: "null"
    }
  }
}
