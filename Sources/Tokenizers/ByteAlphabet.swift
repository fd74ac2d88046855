/// GPT-2's way to write any bytes as printable text: a character for each byte (Radford et al. 2019,
/// `bytes_to_unicode`).
///
/// Bytes that are printable in Latin-1 stand for themselves; the other 68 take U+0100 onwards in their order.
enum ByteAlphabet {
  /// By byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      if isPrintable(UInt8(byte)) { return Unicode.Scalar(UInt8(byte)) }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? " "
    }
  }()

  /// The bytes in the order of their characters, which is that of GPT-2's first 256 tokens.
  static let ordered: [UInt8] = (0..<256).map { UInt8($0) }.sorted { scalars[Int($0)] < scalars[Int($1)] }

  private static let bytes: [UInt32: UInt8] = Dictionary(
    uniqueKeysWithValues: scalars.enumerated().map { ($0.element.value, UInt8($0.offset)) })

  private static func isPrintable(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
  }

  static func text(of piece: [UInt8]) -> String {
    var text = String.UnicodeScalarView()
    for byte in piece { text.append(scalars[Int(byte)]) }
    return String(text)
  }

  /// The bytes that `text` writes; nil where a character of it is not of the alphabet.
  static func bytes(of text: some StringProtocol) -> [UInt8]? {
    var piece: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard let byte = bytes[scalar.value] else { return nil }
      piece.append(byte)
    }
    return piece
  }
}
