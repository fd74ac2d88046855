extension CSVTable {
  /// Turns label cells into class numbers.
  struct LabelCollector {
    let path: String
    let classCount: Int?
    let knownClasses: [String]?
    private var numbers: [String: Int32] = [:]
    private var names: [String] = []
    private var labels: [Int32] = []
    /// The known classes that are whole numbers, where all are numbers.
    private var wholes: [Int: Int32] = [:]

    init(path: String, classCount: Int?, knownClasses: [String]?) {
      self.path = path
      self.classCount = classCount
      self.knownClasses = knownClasses
      for name in knownClasses ?? [] {
        numbers[name] = Int32(names.count)
        names.append(name)
      }
      guard Self.areNumbers(names) else { return }
      for (label, name) in names.enumerated() { if let whole = Self.whole(name) { wholes[whole] = Int32(label) } }
    }

    private static func areNumbers(_ names: [String]) -> Bool {
      names.allSatisfy { Double($0)?.isFinite == true }
    }

    /// The whole number that `1`, `1.0` and `1e0` are spellings of, if float64 is sure of it.
    private static func whole(_ name: String) -> Int? {
      if let number = Int(name) { return number }
      guard let number = Double(name), abs(number) < 0x1p53 else { return nil }
      return Int(exactly: number)
    }

    mutating func append(_ text: String, place: () -> String) throws(DataError) {
      if let classCount {
        guard let label = Self.whole(text), label >= 0, label < classCount else {
          throw DataError(
            path, at: place(), expected: "a whole label of 0 to \(classCount - 1)", found: DataError.quoted(text),
            advice: "leave classes out if the labels are names")
        }
        labels.append(Int32(label))
      } else if let label = numbers[text] ?? Self.whole(text).flatMap({ wholes[$0] }) {
        labels.append(label)
      } else {
        guard !text.isEmpty, text.lowercased() != "nan" else {
          throw DataError(
            path, at: place(), expected: "a class", found: text.isEmpty ? "an empty cell" : DataError.quoted(text),
            advice: "remove the row or fill the cell")
        }
        guard knownClasses == nil else {
          throw DataError(
            path, at: place(), expected: "a class that the training file has", found: DataError.quoted(text))
        }
        guard names.count < mostClasses else {
          throw DataError(
            path, at: place(), expected: "at most \(mostClasses) classes", found: "more",
            advice: "set task to regression if the column holds values")
        }
        numbers[text] = Int32(names.count)
        labels.append(Int32(names.count))
        names.append(text)
      }
    }

    /// Numbers the classes in the order of their names (numbers by value), whatever their order in the file.
    ///
    /// Where all are numbers, spellings of one whole number are one class, called by the shortest of them. Others stay
    /// apart: 1.1 and 1.10 may be two versions.
    func finished() throws(DataError) -> Targets {
      if let classCount { return .classes(labels: labels, names: (0..<classCount).map(String.init)) }
      if knownClasses != nil { return .classes(labels: labels, names: names) }
      let values = names.map { Double($0) ?? .nan }
      let areNumbers = Self.areNumbers(names)
      let order = names.indices.sorted { a, b in
        if areNumbers, values[a] != values[b] { return values[a] < values[b] }
        let (first, second) = (Self.whole(names[a]), Self.whole(names[b]))
        if areNumbers, let first, let second {
          return (first, names[a].utf8.count, names[a]) < (second, names[b].utf8.count, names[b])
        }
        return names[a] < names[b]
      }
      var rank = [Int32](repeating: 0, count: names.count)
      var classes: [String] = []
      var last: Int?
      for old in order {
        let whole = areNumbers ? Self.whole(names[old]) : nil
        if whole == nil || whole != last { classes.append(names[old]) }
        last = whole
        rank[old] = Int32(classes.count - 1)
      }
      guard classes.count >= 2 else {
        throw DataError(
          path, expected: "at least 2 classes", found: "only \(classes.map { DataError.quoted($0) }.joined())",
          advice: "check which column is the target")
      }
      return .classes(labels: labels.map { rank[Int($0)] }, names: classes)
    }
  }
}
