/// The cells of comma-separated text, one after another, as RFC 4180 writes them.
///
/// Lines end in LF, CRLF or CR; a quoted cell may hold delimiters, line ends and doubled quotes, and may have spaces
/// around its quotes; a byte order mark is skipped.
struct CSVReader {
  let path: String
  let bytes: [UInt8]
  let delimiter: UInt8
  private var position = 0
  /// The line of the next cell, counted from 1.
  private(set) var line = 1

  struct Cell {
    /// The cell's text, without its quotes.
    var range: Range<Int>
    /// Holds doubled quotes.
    var hasEscapes = false
    var isQuoted = false
    var line: Int
    var endsRow: Bool
  }

  init(path: String, bytes: [UInt8], delimiter: UInt8) {
    self.path = path
    self.bytes = bytes
    self.delimiter = delimiter
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  var isAtEnd: Bool { position >= bytes.count }

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  /// Skips lines that hold nothing.
  mutating func skipBlankLines() {
    while position < bytes.count, endLine() {}
  }

  /// The cell at the reader's position.
  mutating func next() throws(DataError) -> Cell {
    let first = endOfSpaces
    if first < bytes.count, bytes[first] == Self.quote {
      position = first
      return try quoted()
    }
    let start = position
    let startLine = line
    while position < bytes.count {
      let byte = bytes[position]
      if byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn { break }
      position += 1
    }
    let range = start..<position
    return Cell(range: range, line: startLine, endsRow: endCell())
  }

  private mutating func quoted() throws(DataError) -> Cell {
    let startLine = line
    position += 1
    let start = position
    var hasEscapes = false
    while position < bytes.count {
      if bytes[position] == Self.quote {
        guard position + 1 < bytes.count, bytes[position + 1] == Self.quote else { break }
        hasEscapes = true
        position += 1
      } else if bytes[position] == Self.lineFeed {
        line += 1
      }
      position += 1
    }
    guard position < bytes.count else {
      throw DataError(path, at: "line \(startLine)", expected: "a closing quote", found: "the end of the file")
    }
    let range = start..<position
    position += 1
    position = endOfSpaces
    let next = position < bytes.count ? bytes[position] : Self.lineFeed
    guard next == delimiter || next == Self.lineFeed || next == Self.carriageReturn else {
      throw DataError(
        path, at: "line \(line)", expected: "a delimiter after the closing quote",
        found: DataError.quoted(String(UnicodeScalar(next))), advice: "write a quote inside a quoted cell twice")
    }
    return Cell(range: range, hasEscapes: hasEscapes, isQuoted: true, line: startLine, endsRow: endCell())
  }

  /// Steps over the delimiter or line end; whether the row ends here.
  private mutating func endCell() -> Bool {
    guard position < bytes.count else { return true }
    if bytes[position] == delimiter {
      position += 1
      return false
    }
    return endLine()
  }

  private mutating func endLine() -> Bool {
    switch bytes[position] {
    case Self.lineFeed: position += 1
    case Self.carriageReturn:
      position += position + 1 < bytes.count && bytes[position + 1] == Self.lineFeed ? 2 : 1
    default: return false
    }
    line += 1
    return true
  }

  /// The cell's text without surrounding spaces (those inside quotes stay).
  ///
  /// - Parameter place: of the cell, for the refusal of text that is not UTF-8.
  func text(_ cell: Cell, at place: @autoclosure () -> String) throws(DataError) -> String {
    let range = cell.isQuoted ? cell.range : trimmed(cell.range)
    let text = try DataError.text(bytes[range], of: path, at: place())
    if cell.isQuoted {
      guard cell.hasEscapes else { return text }
      var unescaped = ""
      var wasQuote = false
      for character in text {
        if character == "\"", wasQuote {
          wasQuote = false
          continue
        }
        wasQuote = character == "\""
        unescaped.append(character)
      }
      return unescaped
    }
    return text
  }

  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high, isSpace(bytes[low]) { low += 1 }
    while high > low, isSpace(bytes[high - 1]) { high -= 1 }
    return low..<high
  }

  /// The first byte from the position on that is no space between cells.
  private var endOfSpaces: Int {
    var end = position
    while end < bytes.count, bytes[end] != delimiter, isSpace(bytes[end]) { end += 1 }
    return end
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
