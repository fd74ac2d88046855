/// Tar archives put together header by header, so that wrong ones can be made.
struct TarFixture {
  private(set) var bytes: [UInt8] = []

  var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

  /// - Parameters:
  ///   - sizeField: in place of the octal size.
  ///   - claimed: the size that the header says, if not that of `content`.
  mutating func add(
    _ name: String, _ content: [UInt8] = [], type: Character = "0", prefix: String = "", claimed: Int? = nil,
    sizeField: [UInt8]? = nil
  ) {
    add(bytes: Array(name.utf8), content, type: type, prefix: prefix, claimed: claimed, sizeField: sizeField)
  }

  /// - Parameter name: in any encoding.
  mutating func add(
    bytes name: [UInt8], _ content: [UInt8] = [], type: Character = "0", prefix: String = "", claimed: Int? = nil,
    sizeField: [UInt8]? = nil
  ) {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Sequence<UInt8>, _ offset: Int) {
      for (i, byte) in bytes.enumerated() { block[offset + i] = byte }
    }
    put(name, 0)
    put(Array("0000644".utf8), 100)
    put(sizeField ?? Self.octal(claimed ?? content.count, 11), 124)
    block[156] = type.asciiValue ?? 0
    put(Array("ustar\u{0}00".utf8), 257)
    put(Array(prefix.utf8), 345)
    let sum = block.reduce(0) { $0 + Int($1) } + 8 * 32
    put(Self.octal(sum, 6) + [0, 32], 148)
    bytes += block + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  /// A block that has lost its content.
  mutating func addZeros() { bytes += [UInt8](repeating: 0, count: 512) }

  /// A pax header for the next entry.
  mutating func addRecords(_ records: [(key: String, value: String)]) {
    add("PaxHeaders/x", Array(records.map(Self.record).joined().utf8), type: "x")
  }

  static func record(_ key: String, _ value: String) -> String {
    let rest = " \(key)=\(value)\n"
    var length = rest.utf8.count
    while "\(length)".utf8.count + rest.utf8.count != length { length += 1 }
    return "\(length)\(rest)"
  }

  private static func octal(_ value: Int, _ width: Int) -> [UInt8] {
    let digits = String(value, radix: 8)
    return Array((String(repeating: "0", count: max(0, width - digits.count)) + digits).utf8)
  }
}
