extension CSVTable {
  /// Turns label cells into class numbers.
  struct LabelCollector {
    let path: String
    let classCount: Int?
    let knownClasses: [String]?
    private var numbers: [String: Int32] = [:]
    private var names: [String] = []
    private var labels: [Int32] = []

    init(path: String, classCount: Int?, knownClasses: [String]?) {
      self.path = path
      self.classCount = classCount
      self.knownClasses = knownClasses
      for name in knownClasses ?? [] {
        numbers[name] = Int32(names.count)
        names.append(name)
      }
    }

    mutating func append(_ text: String, place: () -> String) throws(DataError) {
      if let classCount {
        guard let label = Int32(text), label >= 0, label < classCount else {
          throw DataError(
            path, at: place(), expected: "a whole label of 0 to \(classCount - 1)", found: DataError.quoted(text),
            advice: "leave classes out if the labels are names")
        }
        labels.append(label)
      } else if let label = numbers[text] {
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
    func finished() throws(DataError) -> Targets {
      if let classCount { return .classes(labels: labels, names: (0..<classCount).map(String.init)) }
      if knownClasses != nil { return .classes(labels: labels, names: names) }
      guard names.count >= 2 else {
        throw DataError(
          path, expected: "at least 2 classes", found: "only \(names.map { DataError.quoted($0) }.joined())",
          advice: "check which column is the target")
      }
      let values = names.map { Double($0) ?? .nan }
      let areNumbers = values.allSatisfy(\.isFinite)
      let order = names.indices.sorted { a, b in
        areNumbers && values[a] != values[b] ? values[a] < values[b] : names[a] < names[b]
      }
      var rank = [Int32](repeating: 0, count: names.count)
      for (position, old) in order.enumerated() { rank[old] = Int32(position) }
      return .classes(labels: labels.map { rank[Int($0)] }, names: order.map { names[$0] })
    }
  }
}
