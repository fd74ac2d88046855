/// Columns of text as wide as their longest cell.
struct TextTable {
  private let rightAligned: Set<Int>
  private var rows: [[String]]

  /// - Parameter rightAligned: columns of numbers.
  init(_ heading: [String], rightAligned: Set<Int> = []) {
    self.rightAligned = rightAligned
    rows = [heading]
  }

  mutating func append(_ row: [String]) { rows.append(row.map { $0.escaped() }) }

  /// Lines without spaces at their ends.
  ///
  /// - Parameter columns: the width beyond which lines are cut; nil for none.
  func lines(columns: Int? = nil) -> [String] {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, text in
        let space = String(repeating: " ", count: widths[column] - text.count)
        return rightAligned.contains(column) ? space + text : text + space
      }
      var line = cells.joined(separator: "  ")[...]
      while line.hasSuffix(" ") { line.removeLast() }
      guard let columns, line.count > columns else { return String(line) }
      return line.prefix(columns - 1) + "…"
    }
  }
}
