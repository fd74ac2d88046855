import Foundation

extension CSVData {
  /// Reads any file as a table.
  package static func inspect(_ place: InspectedPath) throws(DataError) -> DatasetSummary? {
    guard place.isFile else { return nil }
    let guess = CSVGuess(place.head)
    var data = CSVData(file: place.path)
    data.maxBytes = place.limit
    data.delimiter = guess.delimiter
    data.header = guess.hasHeader
    data.task = guess.task
    return DatasetSummary(
      path: place.path, kind: kind, of: Self.samples(try data.read(place.path, knownClasses: nil), name: place.path),
      typeNames: ["number", data.task == .classification ? "label" : "number"], notes: guess.notes)
  }
}

/// The form of a table, guessed from its first lines.
struct CSVGuess {
  var delimiter = ","
  var hasHeader = false
  var task = CSVData.Task.classification
  /// Most distinct whole numbers in the last column that are still taken for classes.
  static let mostClasses = 100

  init(_ bytes: [UInt8]) {
    let text = String(
      decoding: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline).prefix(1000)
    guard let first = lines.first else { return }
    let separators: [Character] = [",", ";", "\t", "|"]
    let counts = separators.map { separator in first.count { $0 == separator } }
    if let most = counts.max(), most > 0, let best = counts.firstIndex(of: most) {
      delimiter = String(separators[best])
    }
    let separator = Character(delimiter)
    func cells(_ line: Substring) -> [Substring] { line.split(separator: separator, omittingEmptySubsequences: false) }
    func isNumber(_ cell: Substring) -> Bool {
      Double(cell.trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))) != nil
    }
    // The last line may be cut off.
    let rows = lines.dropFirst().dropLast(lines.count > 2 ? 1 : 0)
    // A header is a first row of words over a column of numbers.
    if let second = rows.first ?? lines.dropFirst().first {
      hasHeader = zip(cells(first), cells(second)).contains { !isNumber($0) && isNumber($1) }
    }
    let targets = rows.compactMap { cells($0).last }
    let areWhole = targets.allSatisfy { Int($0.trimmingCharacters(in: .whitespaces)) != nil }
    if !targets.isEmpty, targets.allSatisfy(isNumber), !areWhole || Set(targets).count > Self.mostClasses {
      task = .regression
    }
  }

  var notes: [String] {
    let cells = delimiter == "\t" ? "tabs" : DataError.quoted(delimiter)
    let header = hasHeader ? "with" : "without"
    return ["taken for: \(task.rawValue) of the last column, \(header) a header, cells apart by \(cells)"]
  }
}
