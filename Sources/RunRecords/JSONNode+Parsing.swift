/// Strict JSON, in one pass over the bytes; nil for anything else.
extension JSONNode {
  /// Deepest nesting of arrays and objects that is read.
  static let deepestNesting = 64

  static func parse(_ bytes: Span<UInt8>, powers: PowersOfTen) -> JSONNode? {
    var position = 0
    guard let node = value(bytes, &position, powers, depth: 0) else { return nil }
    skipSpace(bytes, &position)
    return position == bytes.count ? node : nil
  }

  private static func skipSpace(_ bytes: Span<UInt8>, _ position: inout Int) {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else { return }
      position += 1
    }
  }

  /// Skips white space and takes `unit` when it comes next.
  private static func take(_ unit: Unicode.Scalar, _ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
    while position < bytes.count {
      let byte = bytes[position]
      if UInt32(byte) == unit.value {
        position += 1
        return true
      }
      guard byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else { return false }
      position += 1
    }
    return false
  }

  private static func value(
    _ bytes: Span<UInt8>, _ position: inout Int, _ powers: PowersOfTen, depth: Int
  ) -> JSONNode? {
    skipSpace(bytes, &position)
    guard position < bytes.count, depth <= deepestNesting else { return nil }
    switch bytes[position] {
    case UInt8(ascii: "{"): return object(bytes, &position, powers, depth: depth)
    case UInt8(ascii: "["): return array(bytes, &position, powers, depth: depth)
    case UInt8(ascii: "\""): return text(bytes, &position).map { .string($0) }
    case UInt8(ascii: "t"): return word("true", bytes, &position) ? .bool(true) : nil
    case UInt8(ascii: "f"): return word("false", bytes, &position) ? .bool(false) : nil
    case UInt8(ascii: "n"): return word("null", bytes, &position) ? .null : nil
    default: return number(bytes, &position, powers)
    }
  }

  private static func word(_ word: StaticString, _ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
    let matches = word.withUTF8Buffer { utf8 in
      position + utf8.count <= bytes.count && utf8.indices.allSatisfy { utf8[$0] == bytes[position + $0] }
    }
    if matches { position += word.utf8CodeUnitCount }
    return matches
  }

  private static func object(
    _ bytes: Span<UInt8>, _ position: inout Int, _ powers: PowersOfTen, depth: Int
  ) -> JSONNode? {
    position += 1
    var members: [Member] = []
    if take("}", bytes, &position) { return .object(members) }
    repeat {
      skipSpace(bytes, &position)
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\""), let key = text(bytes, &position),
        take(":", bytes, &position), let node = value(bytes, &position, powers, depth: depth + 1)
      else { return nil }
      members.append(Member(key: key, value: node))
    } while take(",", bytes, &position)
    return take("}", bytes, &position) ? .object(members) : nil
  }

  private static func array(
    _ bytes: Span<UInt8>, _ position: inout Int, _ powers: PowersOfTen, depth: Int
  ) -> JSONNode? {
    position += 1
    var flat: [Double] = []
    if take("]", bytes, &position) { return .numbers(flat) }
    var mixed: [JSONNode]?
    repeat {
      guard let node = value(bytes, &position, powers, depth: depth + 1) else { return nil }
      if mixed != nil {
        mixed?.append(node)
      } else if let double = node.double {
        flat.append(double)
      } else {
        mixed = flat.map { .number($0) } + [node]
      }
    } while take(",", bytes, &position)
    guard take("]", bytes, &position) else { return nil }
    return mixed.map { .array($0) } ?? .numbers(flat)
  }
}
