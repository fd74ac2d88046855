import Files
import Tensors

/// Content digests by which a checkpoint recognizes its data: CRC32C, as hexadecimal text.
enum Fingerprint {
  /// Shapes, counts and every value of `columns`.
  static func of(_ columns: [MemorySamples.Column], count: Int) -> String {
    var parts: [String] = ["\(count)"]
    for column in columns {
      let crc =
        switch column.values {
        case .bytes(let values): CRC32C.checksum(values.span.bytes)
        case .floats(let values): CRC32C.checksum(values.span.bytes)
        case .integers(let values): CRC32C.checksum(values.span.bytes)
        }
      let offsets = column.field.offsets.isEmpty ? "" : " from \(column.field.offsets)"
      parts.append("\(column.field.name)\(column.field.shape)\(column.field.classCount ?? 0):\(hex(crc))\(offsets)")
    }
    return of(parts.joined(separator: " "), count: count)
  }

  /// Of the settings of a generated set, in words.
  static func of(_ description: String, count: Int) -> String {
    let crc = CRC32C.checksum(Array(description.utf8).span.bytes)
    return "crc32c-\(hex(crc))-\(count)"
  }

  private static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
