import Glibc

/// Numbers and strings of JSON.
extension JSONNode {
  static func number(_ bytes: Span<UInt8>, _ position: inout Int, _ powers: PowersOfTen) -> JSONNode? {
    let start = position
    let negative = bytes[position] == UInt8(ascii: "-")
    if negative { position += 1 }
    var mantissa: UInt64 = 0
    var dropped = 0
    guard let whole = digits(bytes, &position, &mantissa, &dropped), whole > 0 else { return nil }
    // JSON forbids leading zeros.
    if whole > 1 && bytes[negative ? start + 1 : start] == UInt8(ascii: "0") { return nil }
    var exponent = dropped
    var isInteger = !negative && dropped == 0
    if position < bytes.count && bytes[position] == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      var lost = 0
      guard let fraction = digits(bytes, &position, &mantissa, &lost), fraction > 0 else { return nil }
      exponent -= fraction - lost
    }
    if position < bytes.count && bytes[position] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      position += 1
      guard let power = signedExponent(bytes, &position) else { return nil }
      exponent += power
    }
    if isInteger { return .integer(mantissa) }
    let magnitude = scaled(Double(mantissa), exponent, powers)
    return .number(negative ? -magnitude : magnitude)
  }

  /// Reads a run of digits into `mantissa`; those that no longer fit are only counted, in `dropped`.
  private static func digits(
    _ bytes: Span<UInt8>, _ position: inout Int, _ mantissa: inout UInt64, _ dropped: inout Int
  ) -> Int? {
    let start = position
    while position < bytes.count {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      let (last, lastDigit) = (UInt64.max / 10, UInt64.max % 10)
      if dropped == 0 && (mantissa < last || (mantissa == last && UInt64(digit) <= lastDigit)) {
        mantissa = mantissa * 10 + UInt64(digit)
      } else {
        dropped += 1
      }
      position += 1
    }
    return position - start
  }

  private static func signedExponent(_ bytes: Span<UInt8>, _ position: inout Int) -> Int? {
    guard position < bytes.count else { return nil }
    let negative = bytes[position] == UInt8(ascii: "-")
    if negative || bytes[position] == UInt8(ascii: "+") { position += 1 }
    let start = position
    var power = 0
    while position < bytes.count {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      // Far beyond what a Double can hold: one value stands for all.
      power = min(power * 10 + Int(digit), 100_000)
      position += 1
    }
    guard position > start else { return nil }
    return negative ? -power : power
  }

  private static func scaled(_ mantissa: Double, _ exponent: Int, _ powers: PowersOfTen) -> Double {
    if mantissa == 0 { return 0 }
    // Dividing by an exact power of ten rounds once; multiplying by its reciprocal would round twice.
    if exponent < 0 && exponent >= -22 { return mantissa / powers[-exponent] }
    if abs(exponent) <= PowersOfTen.limit { return mantissa * powers[exponent] }
    return mantissa * pow(10, Double(exponent))
  }

  static func text(_ bytes: Span<UInt8>, _ position: inout Int) -> String? {
    position += 1
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let units = (start..<position).map { bytes[$0] }
        position += 1
        return String(decoding: units, as: UTF8.self)
      }
      if byte == UInt8(ascii: "\\") { return escapedText(from: start, bytes, &position) }
      guard byte >= 0x20 else { return nil }
      position += 1
    }
    return nil
  }

  private static func escapedText(from start: Int, _ bytes: Span<UInt8>, _ position: inout Int) -> String? {
    // UTF-16 code units, so that surrogate pairs join by themselves; the plain parts are decoded as they come.
    var result = ""
    var plain: [UInt8] = (start..<position).map { bytes[$0] }
    var escaped: [UInt16] = []
    func finish() {
      result += String(decoding: plain, as: UTF8.self)
      result += String(decoding: escaped, as: UTF16.self)
      plain.removeAll()
      escaped.removeAll()
    }
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        finish()
        return result
      case UInt8(ascii: "\\"):
        guard let unit = escape(bytes, &position) else { return nil }
        if !plain.isEmpty { finish() }
        escaped.append(unit)
      case 0..<0x20: return nil
      default:
        if !escaped.isEmpty { finish() }
        plain.append(byte)
      }
    }
    return nil
  }

  /// The UTF-16 code unit of the escape after a backslash.
  private static func escape(_ bytes: Span<UInt8>, _ position: inout Int) -> UInt16? {
    guard position < bytes.count else { return nil }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "t"): return 9
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "f"): return 12
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(byte)
    case UInt8(ascii: "u"):
      guard position + 4 <= bytes.count else { return nil }
      let units = (position..<position + 4).map { bytes[$0] }
      position += 4
      guard units.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { return nil }
      return UInt16(String(decoding: units, as: UTF8.self), radix: 16)
    default: return nil
    }
  }
}
