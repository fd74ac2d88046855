/// A table of numbers with its targets, read row by row from CSV text.
struct CSVTable {
  enum Targets {
    /// Class labels; `names[label]` is how the file writes a class.
    case classes(labels: [Int32], names: [String])
    /// `width` values per row.
    case values([Float], width: Int)
  }

  var rowCount = 0
  var featureNames: [String] = []
  var features: [Float] = []
  /// Of each feature.
  private(set) var ranges: [FeatureRange] = []
  var targets: Targets

  /// The use of a column.
  private enum Role { case feature, target, ignored }

  static let mostColumns = 65_536
  static let mostClasses = 65_536

  /// - Parameters:
  ///   - layout: of the columns, whatever file it names.
  ///   - knownClasses: of the training file, which a test file must use too.
  ///   - offsets: subtracted from the features; empty without.
  init(
    path: String, bytes: [UInt8], delimiter: UInt8, layout: CSVData, knownClasses: [String]?, offsets: [Double]
  ) throws(DataError) {
    var reader = CSVReader(path: path, bytes: bytes, delimiter: delimiter)
    reader.skipBlankLines()
    guard !reader.isAtEnd else {
      throw DataError(path, expected: "rows of comma-separated values", found: "an empty file")
    }
    let columns = try Columns(first: &reader, layout: layout)
    featureNames = zip(columns.names, columns.roles).filter { $0.1 == .feature }.map(\.0)
    ranges = Array(repeating: FeatureRange(), count: featureNames.count)
    var labels = LabelCollector(path: path, classCount: layout.classes, knownClasses: knownClasses)
    var values: [Float] = []
    reader.skipBlankLines()
    while !reader.isAtEnd {
      let line = reader.line
      var feature = 0
      for column in columns.roles.indices {
        let cell = try reader.next()
        switch columns.roles[column] {
        case .ignored: break
        case .feature:
          let number = try columns.number(cell, column, in: reader)
          ranges[feature].add(number.double)
          features.append(offsets.isEmpty ? number.float : Float(number.double - offsets[feature]))
          feature += 1
        case .target where layout.task == .regression:
          values.append(try columns.number(cell, column, in: reader).float)
        case .target:
          try labels.append(
            reader.text(cell, at: columns.place(cell, column)), place: { columns.place(cell, column) })
        }
        guard cell.endsRow == (column == columns.roles.count - 1) else {
          let found = cell.endsRow ? "\(column + 1)" : "more"
          throw DataError(
            path, at: "line \(line)", expected: "\(columns.roles.count) cells as in the first row", found: found,
            advice: "check quotes and the delimiter")
        }
      }
      rowCount += 1
      reader.skipBlankLines()
    }
    guard rowCount > 0 else { throw DataError(path, expected: "rows below the header", found: "none") }
    if layout.task == .regression {
      targets = .values(values, width: columns.roles.count { $0 == .target })
    } else {
      targets = try labels.finished()
    }
  }

  /// The columns' names and roles, from the first row.
  private struct Columns {
    let path: String
    let hasHeader: Bool
    var names: [String] = []
    var roles: [Role]

    /// Reads the first row, and rewinds over it where it is data.
    init(first reader: inout CSVReader, layout: CSVData) throws(DataError) {
      path = reader.path
      hasHeader = layout.header
      let start = reader
      var isLast = false
      while !isLast {
        let cell = try reader.next()
        let column = names.count
        names.append(
          layout.header ? try reader.text(cell, at: "line \(cell.line), column \(column + 1)") : "\(column)")
        isLast = cell.endsRow
        guard names.count <= mostColumns else {
          throw DataError(path, at: "line 1", expected: "at most \(mostColumns) columns", found: "more")
        }
      }
      roles = Array(repeating: .feature, count: names.count)
      if !layout.header { reader = start }
      for target in layout.targets.isEmpty ? ["-1"] : layout.targets { roles[try position(of: target)] = .target }
      for ignored in layout.ignore {
        let column = try position(of: ignored)
        guard roles[column] != .target else {
          throw DataError(path, at: "column \(DataError.quoted(ignored))", expected: "target or ignored", found: "both")
        }
        roles[column] = .ignored
      }
      guard roles.contains(.feature) else {
        throw DataError(
          path, at: "line 1", expected: "a column besides the target", found: "\(names.count) columns in all",
          advice: "check the delimiter")
      }
    }

    private func position(of column: String) throws(DataError) -> Int {
      if hasHeader {
        let matches = names.indices.filter { names[$0] == column }
        if matches.count == 1 { return matches[0] }
        guard matches.isEmpty else {
          throw DataError(
            path, at: "line 1", expected: "one column \(DataError.quoted(column))", found: "\(matches.count)")
        }
      }
      if let index = Int(column), index >= -names.count, index < names.count {
        return index < 0 ? names.count + index : index
      }
      let known = hasHeader ? names.prefix(12).map { DataError.quoted($0) }.joined(separator: ", ") : "no header"
      throw DataError(
        path, at: "line 1", expected: "a column \(DataError.quoted(column))", found: "\(names.count) columns: \(known)",
        advice: "name a column or give its index from 0")
    }

    func place(_ cell: CSVReader.Cell, _ column: Int) -> String {
      "line \(cell.line), column \(column + 1)" + (hasHeader ? " (\(DataError.quoted(names[column])))" : "")
    }

    func number(_ cell: CSVReader.Cell, _ column: Int, in reader: CSVReader) throws(DataError) -> CSVReader.Number {
      if let number = reader.number(cell) { return number }
      let text = try reader.text(cell, at: place(cell, column))
      throw DataError(
        path, at: place(cell, column), expected: "a finite number",
        found: text.isEmpty ? "an empty cell" : DataError.quoted(text),
        advice: cell.line == 1 && !hasHeader
          ? "set header to true if this is a header" : "remove the row, fill the cell or put the column into ignore")
    }
  }
}
