extension HDF5File {
  /// An entry of a group.
  struct Link {
    var name: String
    /// Nil for soft and external links.
    var address: UInt64?
  }

  private static let mostLinks = 65_536
  private static let mostNodes = 16_384
  private static let softLinkCache: UInt64 = 2

  /// The entries of the group that `header` describes.
  func links(of header: HDF5ObjectHeader) throws(DataError) -> [Link] {
    var links: [Link] = []
    if var table = header.first(.symbolTable)?.block {
      let tree = try table.number(Self.wordBytes)
      let names = try localHeap(at: try table.number(Self.wordBytes))
      var pending = [(address: tree, level: UInt8?.none)]
      var visited: Set<UInt64> = []
      while let node = pending.popLast() {
        guard visited.insert(node.address).inserted, visited.count <= Self.mostNodes else {
          throw table.damaged("a tree of groups", "a circle or too many nodes")
        }
        if node.level == 0 {
          try symbols(at: node.address, names: names, into: &links)
        } else {
          pending += try children(at: node.address, parentLevel: node.level)
        }
      }
    }
    for message in header.messages {
      switch message.kind {
      case .link: links.append(try link(message.block))
      case .linkInfo:
        var block = message.block
        try block.skip(1)
        let flags = try block.byte()
        try block.skip(flags & 1 != 0 ? 8 : 0)
        guard try block.number(Self.wordBytes) == Self.undefined else {
          throw block.damaged("a group that lists its links", "one with indexed links", Self.advice)
        }
      default: break
      }
    }
    return links
  }

  /// The children of a B-tree node, with the level at which they are nodes themselves; 0 means symbol nodes.
  private func children(
    at address: UInt64, parentLevel: UInt8?
  ) throws(DataError) -> [(address: UInt64, level: UInt8?)] {
    let headBytes: UInt64 = 24
    var head = try block(at: address, count: headBytes)
    try head.expect("TREE")
    guard try head.byte() == 0 else { throw head.damaged("a tree of groups", "another tree") }
    let level = try head.byte()
    guard parentLevel == nil || level + 1 == parentLevel else { throw head.damaged("a lower level", "level \(level)") }
    let entries = try head.number(2)
    var block = try block(at: address + headBytes, count: entries * 2 * UInt64(Self.wordBytes))
    var children: [(address: UInt64, level: UInt8?)] = []
    for _ in 0..<entries {
      try block.skip(Self.wordBytes)
      children.append((try block.number(Self.wordBytes), level))
    }
    return children
  }

  private func symbols(at address: UInt64, names: HDF5Block, into links: inout [Link]) throws(DataError) {
    var head = try block(at: address, count: 8)
    try head.expect("SNOD")
    try head.skip(2)
    let count = try head.number(2)
    guard links.count + Int(count) <= Self.mostLinks else {
      throw head.damaged("at most \(Self.mostLinks) links", "more")
    }
    var block = try block(at: address + 8, count: count * 40)
    for _ in 0..<count {
      let nameOffset = try block.number(Self.wordBytes)
      let target = try block.number(Self.wordBytes)
      let cache = try block.number(4)
      try block.skip(20)
      guard nameOffset < UInt64(names.bytes.count) else { throw block.damaged("a name in the heap", "\(nameOffset)") }
      let longest = 1024
      let name = names.bytes[Int(nameOffset)...].prefix(longest).prefix { $0 != 0 }
      links.append(
        Link(
          name: String(decoding: name, as: UTF8.self), address: cache == Self.softLinkCache ? nil : target))
    }
  }

  private func localHeap(at address: UInt64) throws(DataError) -> HDF5Block {
    var head = try block(at: address, count: 32)
    try head.expect("HEAP")
    try head.skip(4)
    let size = try head.number(Self.wordBytes)
    try head.skip(Self.wordBytes)
    return try block(at: try head.number(Self.wordBytes), count: size)
  }

  /// A link that is written in the header itself, as newer files do.
  private func link(_ message: HDF5Block) throws(DataError) -> Link {
    var block = message
    try block.skip(1)
    let flags = try block.byte()
    let kind = flags & 0x08 != 0 ? try block.byte() : 0
    try block.skip((flags & 0x04 != 0 ? 8 : 0) + (flags & 0x10 != 0 ? 1 : 0))
    let length = try block.number(1 << Int(flags & 3))
    let name = String(decoding: try block.take(Int(clamping: length)), as: UTF8.self)
    return Link(name: name, address: kind == 0 ? try block.number(Self.wordBytes) : nil)
  }
}
