import CHDF5

/// Describes and reads an HDF5 file through the library, which damaged files can make crash: for the reading process
/// only.
final class HDF5Reader {
  let file: HDF5Handle
  private let driver: HDF5DescriptorDriver?
  /// Whether links, storage and virtual datasets may lead to other files.
  let allowsExternal: Bool
  /// Kept open, so that its chunks stay in the library's cache.
  private(set) var dataset: HDF5OpenDataset?

  private static let mostObjects = 100_000
  static let deepestPath = 32

  /// - Parameter path: of a file that may lead to others; nil reads the file behind `descriptor` alone.
  init(descriptor: Int32, path: String?) throws(HDF5Error) {
    allowsExternal = path != nil
    H5open()
    troupe_h5_silence()
    // Filters that a file asks for are not looked for on the disk.
    H5PLset_loading_state(0)
    let access = try HDF5Handle(H5Pcreate(troupe_h5_file_access()), "to read an HDF5 file")
    if path == nil {
      H5Lunregister(H5L_TYPE_EXTERNAL)
      let driver = HDF5DescriptorDriver(descriptor)
      try driver.use(in: access.id)
      self.driver = driver
    } else {
      driver = nil
    }
    file = try HDF5Handle(H5Fopen(path ?? "file", troupe_h5_read_only(), access.id), "a whole HDF5 file")
  }

  /// The dataset at a path, open.
  func open(_ name: String) throws(HDF5Error) -> HDF5OpenDataset {
    if let dataset, dataset.name == name { return dataset }
    dataset = nil
    let opened = try HDF5OpenDataset(name, of: self)
    dataset = opened
    return opened
  }

  /// The names in the root group.
  func rootNames() throws(HDF5Error) -> [String] { try links(of: file.id).map(\.name) }

  /// The names in the group at a path.
  func names(in group: String) throws(HDF5Error) -> [String] {
    let opened = try HDF5Handle(H5Gopen2(file.id, group, troupe_h5_default()), "a group")
    return try links(of: opened.id).map(\.name)
  }

  struct Link {
    let name: String
    let isText: Bool
    let type: H5L_type_t
  }

  /// The links of a group, in the order of their names.
  func links(of group: hid_t) throws(HDF5Error) -> [Link] {
    var links: [Link] = []
    let result = withUnsafeMutablePointer(to: &links) { links in
      troupe_h5_iterate(
        group,
        { _, name, info, context in
          guard let name, let info, let links = context?.assumingMemoryBound(to: [Link].self) else { return -1 }
          guard links.pointee.count < HDF5Reader.mostObjects else { return -1 }
          let text = String(validatingCString: name)
          links.pointee.append(
            Link(name: text ?? String(cString: name), isText: text != nil, type: info.pointee.type))
          return 0
        }, links)
    }
    guard links.count < Self.mostObjects else {
      throw HDF5Error("a group of fewer than \(Self.mostObjects) names", "more")
    }
    try HDF5Library.check(result, "a group")
    return links
  }

  /// Every link of the file by way of hard links, each object once; the root comes first.
  func objects() throws(HDF5Error) -> [HDF5Object] {
    var root = HDF5Object()
    root.kind = .group
    root.attributes = try HDF5Description.attributes(
      of: HDF5Handle(H5Gopen2(file.id, "/", troupe_h5_default()), "the root group"))
    var objects = [root]
    var visited: Set<Int> = []
    var pending: [(path: String, depth: Int)] = [("", 0)]
    while let group = pending.popLast() {
      let opened = try HDF5Handle(
        H5Gopen2(file.id, "/" + group.path, troupe_h5_default()), "the group /\(group.path)")
      for link in try links(of: opened.id) {
        guard objects.count < Self.mostObjects else {
          throw HDF5Error("fewer than \(Self.mostObjects) objects", "more")
        }
        let path = group.path.isEmpty ? link.name : "\(group.path)/\(link.name)"
        let object = HDF5Description.object(link, path: path, in: opened.id)
        objects.append(object)
        if object.kind == .group, let address = object.address, group.depth < Self.deepestPath,
          visited.insert(address).inserted
        {
          pending.append((path, group.depth + 1))
        }
      }
    }
    return objects
  }
}
