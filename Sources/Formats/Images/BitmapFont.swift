/// Letters of 5×7 pixels for labels in images: printable ASCII, and ␣ for a visible space.
enum BitmapFont {
  static let width = 5
  static let height = 7
  /// From the start of one letter to that of the next.
  static let advance = width + 1

  /// The rows of a letter from the top, its leftmost pixel the bit of value 16.
  static func rows(of character: Character) -> [UInt8] {
    if character == "␣" { return openBox }
    guard let ascii = character.asciiValue, ascii >= 0x20, Int(ascii) - 0x20 < letters.count else { return unknown }
    return letters[Int(ascii) - 0x20]
  }

  /// A frame, for characters that the font does not have.
  private static let unknown = decoded("vhhhhhv")
  private static let openBox = decoded("00000hv")

  /// A digit to base 32 is a row.
  private static func decoded(_ digits: String) -> [UInt8] { digits.map { UInt8($0.wholeOrLetterValue) } }

  private static let letters: [[UInt8]] = [
    "0000000", "4444404", "aaa0000", "aavavaa", "4fke5u4", "op248j3", "cik8lid", "4480000", "2488842", "8422248",
    "04lel40", "044v440", "0000c48", "000v000", "00000cc", "01248g0", "ehjlphe", "4c4444e", "eh1248v", "v2421he",
    "26aiv22", "vgu11he", "68guhhe", "v124888", "ehhehhe", "ehhf12c", "0cc0cc0", "0cc0c48", "248g842", "00v0v00",
    "8421248", "eh12404", "eh1dlle", "ehhvhhh", "uhhuhhu", "ehggghe", "sihhhis", "vgguggv", "vgguggg", "ehgnhhf",
    "hhhvhhh", "e44444e", "72222ic", "hikokih", "ggggggv", "hrllhhh", "hhpljhh", "ehhhhhe", "uhhuggg", "ehhhlid",
    "uhhukih", "fgge11u", "v444444", "hhhhhhe", "hhhhha4", "hhhllla", "hha4ahh", "hhha444", "v1248gv", "e88888e",
    "0g84210", "e22222e", "4ah0000", "000000v", "8420000", "00e1fhf", "ggmphhu", "00egghe", "11djhhf", "00ehvge",
    "698s888", "0fhhf1e", "ggmphhh", "40c444e", "20622ic", "ggikoki", "c44444e", "00qllhh", "00mphhh", "00ehhhe",
    "00uhugg", "00djf11", "00mpggg", "00ege1u", "88s8896", "00hhhjd", "00hhha4", "00hhlla", "00ha4ah", "00hhf1e",
    "00v248v", "2448442", "4444444", "8442448", "008l200",
  ].map(decoded)
}

extension Character {
  /// The value of a digit to base 32.
  fileprivate var wholeOrLetterValue: Int { Int(String(self), radix: 32) ?? 0 }
}

extension Image {
  /// Width of a line of text in pixels.
  package static func textLength(_ text: String) -> Int { max(0, text.count * BitmapFont.advance - 1) }

  /// Height of a line of text in pixels.
  package static let textHeight = BitmapFont.height

  /// Writes a line of text over the image; the part outside the image is cut off.
  ///
  /// - Parameters:
  ///   - row: of the first letter's first pixel, and `column`.
  ///   - level: of all channels.
  ///   - isVertical: from the bottom to the top, letters turned left; (row, column) is then the lower left corner.
  package mutating func write(_ text: String, row: Int, column: Int, level: UInt8 = 0, isVertical: Bool = false) {
    for (index, character) in text.enumerated() {
      for (y, bits) in BitmapFont.rows(of: character).enumerated() {
        for x in 0..<BitmapFont.width where bits >> UInt8(BitmapFont.width - 1 - x) & 1 == 1 {
          let along = index * BitmapFont.advance + x
          let (r, c) = isVertical ? (row - along, column + y) : (row + y, column + along)
          guard r >= 0, r < height, c >= 0, c < width else { continue }
          for channel in 0..<channels { self[r, c, channel] = level }
        }
      }
    }
  }

  /// Fills a rectangle inside the image with one color.
  package mutating func fill(row: Int, column: Int, height: Int, width: Int, _ color: [UInt8]) {
    precondition(color.count == channels)
    for r in row..<row + height {
      for c in column..<column + width {
        for channel in 0..<channels { self[r, c, channel] = color[channel] }
      }
    }
  }
}
