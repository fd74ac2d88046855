/// UTF-8 as bytes: checked once, then walked scalar by scalar.
package enum UTF8Text {
  /// Refuses bytes that are not UTF-8, with the offset of the first that is wrong.
  static func check(_ bytes: Span<UInt8>) throws(TokenizerError) {
    do {
      _ = try UTF8Span(validating: bytes)
    } catch {
      let offset = error.byteOffsets.lowerBound
      throw TokenizerError(
        offset: offset, expected: "UTF-8", found: "the byte 0x\(String(bytes[offset], radix: 16))",
        advice: "convert the text to UTF-8, or use the tokenizer \"bytes\"")
    }
  }

  /// The scalar at `position` of valid UTF-8, and how many bytes it takes.
  @inline(__always)
  static func scalar(_ bytes: Span<UInt8>, at position: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(bytes[position])
    if first < 0x80 { return (first, 1) }
    func next(_ index: Int) -> UInt32 { UInt32(bytes[position + index] & 0x3F) }
    if first < 0xE0 { return ((first & 0x1F) << 6 | next(1), 2) }
    if first < 0xF0 { return ((first & 0x0F) << 12 | next(1) << 6 | next(2), 3) }
    return ((first & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3), 4)
  }

  /// The length of the longest beginning that does not end within a character.
  package static func completeCount(_ bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? bytes.count - back : bytes.count
    }
    return bytes.count
  }
}
