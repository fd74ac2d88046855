/// A safetensors header as it is written, unchecked against the file.
struct SafetensorsHeader {
  struct Tensor {
    let name: String
    let type: String
    let shape: [Int]
    let begin: Int
    let end: Int
  }

  var tensors: [Tensor] = []
  var metadata: [String: String] = [:]
}

/// Reads the one JSON form that a safetensors header may have, and refuses all else: duplicate, missing or unknown
/// keys, signs, fractions, invalid UTF-8. The form has a fixed depth, so nothing here recurses.
struct SafetensorsHeaderParser {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func header() throws(CheckpointError) -> SafetensorsHeader {
    guard bytes.first == UInt8(ascii: "{") else { throw error("expected \"{\" as the first byte") }
    var header = SafetensorsHeader()
    var names: Set<String> = []
    try object { (parser, name) throws(CheckpointError) in
      guard names.insert(name).inserted else { throw parser.error("the name \"\(name)\" occurs twice") }
      if name == Safetensors.metadataKey {
        try parser.object { (parser, key) throws(CheckpointError) in
          guard try header.metadata.updateValue(parser.string(), forKey: key) == nil else {
            throw parser.error("the metadata key \"\(key)\" occurs twice")
          }
        }
      } else {
        header.tensors.append(try parser.tensor(name))
      }
    }
    while position < bytes.count, bytes[position] == 0x20 { position += 1 }
    guard position == bytes.count else { throw error("expected only spaces after the closing brace") }
    return header
  }

  private mutating func tensor(_ name: String) throws(CheckpointError) -> SafetensorsHeader.Tensor {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try object { (parser, key) throws(CheckpointError) in
      switch key {
      case "dtype" where type == nil: type = try parser.string()
      case "shape" where shape == nil: shape = try parser.integers(most: Self.mostDimensions)
      case "data_offsets" where offsets == nil: offsets = try parser.integers(most: 2)
      default: throw parser.error("\"\(name)\" has the key \"\(key)\" twice, or it is unknown")
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2 else {
      throw error("\"\(name)\" needs dtype, shape and two data_offsets")
    }
    return SafetensorsHeader.Tensor(name: name, type: type, shape: shape, begin: offsets[0], end: offsets[1])
  }

  /// More extents than any tensor has.
  private static let mostDimensions = 32

  /// Calls `member` after each key and colon; it reads the value.
  private mutating func object(
    _ member: (inout Self, String) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try expect("{")
    if skip("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while skip(",")
    try expect("}")
  }

  private mutating func integers(most: Int) throws(CheckpointError) -> [Int] {
    var values: [Int] = []
    try expect("[")
    if skip("]") { return values }
    repeat {
      guard values.count < most else { throw error("expected at most \(most) numbers") }
      values.append(try integer())
    } while skip(",")
    try expect("]")
    return values
  }

  private mutating func integer() throws(CheckpointError) -> Int {
    skipBlanks()
    let start = position
    var value = 0
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
      let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(Int(bytes[position] - 0x30))
      guard !overflowed, !overflow else { throw error("the number is too large") }
      value = sum
      position += 1
    }
    let digits = position - start
    guard digits > 0, digits == 1 || bytes[start] != 0x30 else { throw error("expected a whole number") }
    return value
  }

  private mutating func string() throws(CheckpointError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw error("the text is not UTF-8") }
        return string
      case UInt8(ascii: "\\"): text += try escape().utf8
      case 0..<0x20: throw error("a control character must be escaped")
      default: text.append(byte)
      }
    }
    throw error("the text does not end")
  }

  /// What follows a backslash.
  private mutating func escape() throws(CheckpointError) -> String {
    guard position < bytes.count else { throw error("the text does not end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var units = [try codeUnit()]
      if UTF16.isLeadSurrogate(units[0]), bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) {
        position += 2
        units.append(try codeUnit())
      }
      guard let text = String(validating: units, as: UTF16.self) else { throw error("half a surrogate pair") }
      return text
    default: throw error("the escape is unknown")
    }
  }

  private mutating func codeUnit() throws(CheckpointError) -> UInt16 {
    let digits = bytes[position...].prefix(4)
    // Checked here: UInt16(_:radix:) would take a sign.
    guard digits.count == 4, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw error("expected four hexadecimal digits") }
    position += 4
    return unit
  }

  private mutating func skipBlanks() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
    guard skip(character) else { throw error("expected \"\(character)\"") }
  }

  private func error(_ description: String) -> CheckpointError {
    CheckpointError("the header is malformed at its byte \(position): \(description)")
  }
}
