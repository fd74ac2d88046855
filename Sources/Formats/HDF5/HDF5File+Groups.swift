extension HDF5File {
  private static let mostLinks = 65_536
  private static let mostNodes = 16_384
  private static let softLinkCache: UInt64 = 2

  /// The entries of the group that `header` describes.
  func links(of header: HDF5ObjectHeader) throws(HDF5Error) -> [HDF5Link] {
    var links: [HDF5Link] = []
    if var table = header.first(.symbolTable)?.block {
      let tree = try table.word()
      let names = try localHeap(at: try table.word())
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
    for message in header.all(.link) { links.append(try HDF5Link(message)) }
    if let info = header.first(.linkInfo), try header.hasIndexedLinks() {
      throw info.block.damaged("a group that lists its links", "one with indexed links", HDF5Error.saveAgain)
    }
    return links
  }

  /// The children of a B-tree node, with the level at which they are nodes themselves; 0 means symbol nodes.
  private func children(
    at address: UInt64, parentLevel: UInt8?
  ) throws(HDF5Error) -> [(address: UInt64, level: UInt8?)] {
    let headBytes: UInt64 = 24
    var head = try block(at: address, count: headBytes)
    try head.expect("TREE")
    guard try head.byte() == 0 else { throw head.damaged("a tree of groups", "another tree") }
    let level = try head.byte()
    guard parentLevel == nil || level &+ 1 == parentLevel else { throw head.damaged("a lower level", "level \(level)") }
    let entries = try head.number(2)
    var block = try block(at: address + headBytes, count: entries * 2 * UInt64(HDF5Block.wordBytes))
    var children: [(address: UInt64, level: UInt8?)] = []
    for _ in 0..<entries {
      try block.skip(HDF5Block.wordBytes)
      children.append((try block.word(), level))
    }
    return children
  }

  private func symbols(at address: UInt64, names: HDF5Block, into links: inout [HDF5Link]) throws(HDF5Error) {
    var head = try block(at: address, count: 8)
    try head.expect("SNOD")
    try head.skip(2)
    let count = try head.number(2)
    guard links.count + Int(count) <= Self.mostLinks else {
      throw head.damaged("at most \(Self.mostLinks) links", "more")
    }
    var block = try block(at: address + 8, count: count * 40)
    for _ in 0..<count {
      let nameOffset = try block.word()
      let target = try block.word()
      let cache = try block.number(4)
      try block.skip(20)
      guard nameOffset < UInt64(names.bytes.count) else { throw block.damaged("a name in the heap", "\(nameOffset)") }
      let longest = 1024
      let name = names.bytes[Int(nameOffset)...].prefix(longest).prefix { $0 != 0 }
      links.append(HDF5Link(nameBytes: name, target: cache == Self.softLinkCache ? .elsewhere : .object(at: target)))
    }
  }

  private func localHeap(at address: UInt64) throws(HDF5Error) -> HDF5Block {
    var head = try block(at: address, count: 32)
    try head.expect("HEAP")
    try head.skip(4)
    let size = try head.word()
    try head.skip(HDF5Block.wordBytes)
    return try block(at: try head.word(), count: size)
  }
}
