/// Powers of ten as `Double`, correctly rounded, for every exponent that formatting a `Float` can meet.
struct PowersOfTen {
  /// Scaling stays inside this range of decimal exponents.
  static let limit = 80
  static let shared = PowersOfTen()
  private let values: [Double]

  private init() {
    values = (-Self.limit...Self.limit).map { Double("1e\($0)") ?? .nan }
  }

  subscript(exponent: Int) -> Double {
    @inline(__always) get { values[exponent + Self.limit] }
  }
}

/// Decimal text of numbers, written into a span in place.
enum NumberText {
  private static let zero = UInt8(ascii: "0")
  private static let point = UInt8(ascii: ".")
  /// Decimal exponents that are written without an `e`.
  private static let positional = -4...6

  /// Writes `value` at `start` and returns the position after it. The span must have `LineBuffer.longestNumber` bytes
  /// left.
  static func write(_ value: UInt64, into out: inout MutableSpan<UInt8>, at start: Int) -> Int {
    var length = 1
    var rest = value / 10
    while rest > 0 {
      length += 1
      rest /= 10
    }
    rest = value
    for offset in stride(from: length - 1, through: 0, by: -1) {
      out[start + offset] = zero + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    return start + length
  }

  /// Writes `value` rounded to `digits` (at most 9) significant digits, without trailing zeros.
  ///
  /// The value is scaled by a power of ten to an integer of `digits` digits. The two roundings on the way are below
  /// 1e-15 relative, far under the last digit kept, so nine digits give every `Float` back bit for bit.
  static func write(
    _ value: Double, digits: Int, powers: PowersOfTen, into out: inout MutableSpan<UInt8>, at start: Int
  ) -> Int {
    let magnitude = value.magnitude
    guard magnitude < .infinity else { return writeNonfinite(value, into: &out, at: start) }
    var position = start
    if value < 0 {
      out[position] = UInt8(ascii: "-")
      position += 1
    }
    guard magnitude > 0 else {
      out[position] = zero
      return position + 1
    }
    // log10(2) = 78913 / 2^18; the estimate from the binary exponent is exact or one too small.
    let binary = Int(magnitude.bitPattern >> 52) - 1023
    var exponent = (binary &* 78_913) >> 18
    guard abs(exponent) < PowersOfTen.limit - 12 else { return writeExtreme(magnitude, into: &out, at: position) }
    if magnitude >= powers[exponent + 1] { exponent += 1 }
    var mantissa = UInt32(magnitude * powers[digits - 1 - exponent] + 0.5)
    var length = digits
    if Double(mantissa) >= powers[digits] {
      mantissa = 1
      length = 1
      exponent += 1
    }
    while length > 1 && mantissa % 10 == 0 {
      mantissa /= 10
      length -= 1
    }
    if !positional.contains(exponent) {
      position = writeDigits(mantissa, length: length, whole: 1, into: &out, at: position)
      out[position] = UInt8(ascii: "e")
      position += 1
      if exponent < 0 {
        out[position] = UInt8(ascii: "-")
        position += 1
      }
      return write(UInt64(abs(exponent)), into: &out, at: position)
    }
    if exponent >= 0 { return writeDigits(mantissa, length: length, whole: exponent + 1, into: &out, at: position) }
    out[position] = zero
    out[position + 1] = point
    position += 2
    for _ in 0..<(-exponent - 1) {
      out[position] = zero
      position += 1
    }
    return writeDigits(mantissa, length: length, whole: length, into: &out, at: position)
  }

  /// Writes `length` digits with a point after `whole` of them; where there are fewer digits than that, zeros follow.
  @inline(__always)
  private static func writeDigits(
    _ mantissa: UInt32, length: Int, whole: Int, into out: inout MutableSpan<UInt8>, at start: Int
  ) -> Int {
    var rest = mantissa
    var end = start + length
    if whole < length {
      var position = end
      while position > start + whole {
        out[position] = zero + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
        position -= 1
      }
      out[position] = point
      end += 1
    }
    var position = start + min(whole, length)
    while position > start {
      position -= 1
      out[position] = zero + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    while end < start + whole {
      out[end] = zero
      end += 1
    }
    return end
  }

  private static func writeNonfinite(_ value: Double, into out: inout MutableSpan<UInt8>, at start: Int) -> Int {
    write(text: value.isNaN ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"", into: &out, at: start)
  }

  /// The standard library's shortest text, for values beyond the range of `Float`, which training does not produce.
  private static func writeExtreme(_ magnitude: Double, into out: inout MutableSpan<UInt8>, at start: Int) -> Int {
    write(text: magnitude.description, into: &out, at: start)
  }

  private static func write(text: String, into out: inout MutableSpan<UInt8>, at start: Int) -> Int {
    var position = start
    for unit in text.utf8 {
      out[position] = unit
      position += 1
    }
    return position
  }
}
