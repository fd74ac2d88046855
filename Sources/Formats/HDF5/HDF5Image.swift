import CHDF5

/// A new HDF5 file as the library lays it out: its structures in memory, and the places of its data.
///
/// The data themselves are never copied: whoever writes the file puts them at their places from their own memory. Equal
/// contents are equal bytes.
package struct HDF5Image {
  package let byteCount: Int
  private let memory: HDF5ImageMemory

  /// Lays out a file in which `body` makes datasets and attributes.
  package init(_ body: (HDF5ImageWriter) throws(HDF5Error) -> Void) throws(HDF5Error) {
    let memory = HDF5ImageMemory()
    try HDF5Library.alone { () throws(HDF5Error) in
      let writer = try HDF5ImageWriter(memory)
      try body(writer)
      try writer.close()
    }
    byteCount = memory.byteCount
    self.memory = memory
  }

  /// The bytes of structures, and zeros between them.
  package func structures(in range: Range<Int>) -> [UInt8] { memory.bytes(in: range) }
}

/// Makes the objects of an `HDF5Image`.
package final class HDF5ImageWriter {
  private let memory: HDF5ImageMemory
  private let file: HDF5Handle
  private let dataset: HDF5Handle
  private let group: HDF5Handle
  private let link: HDF5Handle

  /// The most links that a group keeps in its header, where every reader since HDF5 1.8 finds them.
  private static let mostCompactLinks: UInt32 = 65_535
  /// Of data and structures, in bytes: a multiple of the size of a vector register.
  private static let alignment: hsize_t = 64

  init(_ memory: HDF5ImageMemory) throws(HDF5Error) {
    self.memory = memory
    let expected = "to make an HDF5 file"
    let access = try HDF5Handle(H5Pcreate(troupe_h5_file_access()), expected)
    try memory.use(in: access.id)
    try HDF5Library.check(H5Pset_alignment(access.id, 1, Self.alignment), expected)
    // Superblock version 2: the first one with checksums, which every reader since HDF5 1.8 knows.
    try HDF5Library.check(H5Pset_libver_bounds(access.id, H5F_LIBVER_V18, H5F_LIBVER_V18), expected)
    let creation = try HDF5Handle(H5Pcreate(troupe_h5_file_create()), expected)
    try HDF5Library.check(H5Pset_link_phase_change(creation.id, Self.mostCompactLinks, 0), expected)
    try HDF5Library.check(H5Pset_obj_track_times(creation.id, false), expected)
    file = try HDF5Handle(H5Fcreate("image", troupe_h5_truncate(), creation.id, access.id), expected)

    group = try HDF5Handle(H5Pcreate(troupe_h5_group_create()), expected)
    try HDF5Library.check(H5Pset_link_phase_change(group.id, Self.mostCompactLinks, 0), expected)
    try HDF5Library.check(H5Pset_obj_track_times(group.id, false), expected)
    dataset = try HDF5Handle(H5Pcreate(troupe_h5_dataset_create()), expected)
    try HDF5Library.check(H5Pset_obj_track_times(dataset.id, false), expected)
    try HDF5Library.check(H5Pset_fill_time(dataset.id, H5D_FILL_TIME_NEVER), expected)
    link = try HDF5Handle(H5Pcreate(troupe_h5_link_create()), expected)
    try HDF5Library.check(H5Pset_char_encoding(link.id, H5T_CSET_UTF8), expected)
  }

  /// - Parameters:
  ///   - path: in groups that exist.
  ///   - members: how many names the group will have, and their bytes together.
  package func makeGroup(_ path: String, members: (count: Int, nameBytes: Int)) throws(HDF5Error) {
    let expected = "to make the group \(path)"
    let bound = Int(UInt16.max)
    let count = UInt32(min(members.count, bound))
    let nameBytes = UInt32(min(members.nameBytes / max(members.count, 1) + 1, bound))
    try HDF5Library.check(H5Pset_est_link_info(group.id, count, nameBytes), expected)
    _ = try HDF5Handle(H5Gcreate2(file.id, path, link.id, group.id, troupe_h5_default()), expected)
  }

  /// Makes a contiguous dataset in groups that exist.
  ///
  /// - Parameters:
  ///   - extents: none for a single value.
  ///   - bytes: the elements, as they are to lie in the file.
  /// - Returns: where the elements belong in the file.
  package func write(
    _ path: String, _ type: HDF5ElementType, extents: [Int], checksum: (name: String, value: UInt32), bytes: RawSpan
  ) throws(HDF5Error) -> Range<Int> {
    let expected = "to make the dataset \(path)"
    let type = try type.handle()
    let space = try HDF5Handle(Self.space(extents), expected)
    let made = try HDF5Handle(
      H5Dcreate2(file.id, path, type.id, space.id, link.id, dataset.id, troupe_h5_default()), expected)
    try attribute(checksum.name, .uint32, value: checksum.value, of: made.id)
    memory.data = 0..<0
    let result = bytes.withUnsafeBytes { bytes in
      H5Dwrite(made.id, type.id, troupe_h5_all(), troupe_h5_all(), troupe_h5_default(), bytes.baseAddress)
    }
    try HDF5Library.check(result, expected)
    guard memory.data.count == bytes.byteCount else {
      throw HDF5Error("\(bytes.byteCount) bytes in one piece", "\(memory.data.count)", at: path)
    }
    return memory.data
  }

  /// Gives the file itself an attribute of a single number.
  package func attribute(
    _ name: String, _ type: HDF5ElementType, value: some FixedWidthInteger & BitwiseCopyable
  ) throws(HDF5Error) {
    try attribute(name, type, value: value, of: file.id)
  }

  /// Gives the file itself an attribute of a text, which is not empty.
  package func attribute(_ name: String, text: String) throws(HDF5Error) {
    let bytes = Array(text.utf8)
    try attribute(name, .text(byteCount: bytes.count), of: file.id, bytes: bytes.span.bytes)
  }

  private func attribute(
    _ name: String, _ type: HDF5ElementType, value: some FixedWidthInteger & BitwiseCopyable, of object: hid_t
  ) throws(HDF5Error) {
    let value = [value.littleEndian]
    try attribute(name, type, of: object, bytes: value.span.bytes)
  }

  private func attribute(
    _ name: String, _ type: HDF5ElementType, of object: hid_t, bytes: RawSpan
  ) throws(HDF5Error) {
    let expected = "to make the attribute \(name)"
    let type = try type.handle()
    let space = try HDF5Handle(H5Screate(H5S_SCALAR), expected)
    let made = try HDF5Handle(
      H5Acreate2(object, name, type.id, space.id, troupe_h5_default(), troupe_h5_default()), expected)
    try HDF5Library.check(bytes.withUnsafeBytes { H5Awrite(made.id, type.id, $0.baseAddress) }, expected)
  }

  private static func space(_ extents: [Int]) -> hid_t {
    if extents.isEmpty { return H5Screate(H5S_SCALAR) }
    return H5Screate_simple(Int32(extents.count), extents.map { hsize_t($0) }, nil)
  }

  /// Completes the structures.
  fileprivate func close() throws(HDF5Error) {
    try HDF5Library.check(H5Fflush(file.id, H5F_SCOPE_GLOBAL), "to complete an HDF5 file")
  }
}

/// The element types that are written.
package enum HDF5ElementType {
  case float32, int32, int64, uint32
  /// UTF-8 of a fixed number of bytes.
  case text(byteCount: Int)

  fileprivate func handle() throws(HDF5Error) -> HDF5Handle {
    let expected = "to make a type"
    switch self {
    case .float32: return try HDF5Handle(H5Tcopy(troupe_h5_little_float()), expected)
    case .int32: return try HDF5Handle(H5Tcopy(troupe_h5_little_int32()), expected)
    case .int64: return try HDF5Handle(H5Tcopy(troupe_h5_little_int64()), expected)
    case .uint32: return try HDF5Handle(H5Tcopy(troupe_h5_little_uint32()), expected)
    case .text(let byteCount):
      let type = try HDF5Handle(H5Tcopy(troupe_h5_c_string()), expected)
      try HDF5Library.check(H5Tset_size(type.id, byteCount), expected)
      try HDF5Library.check(H5Tset_cset(type.id, H5T_CSET_UTF8), expected)
      try HDF5Library.check(H5Tset_strpad(type.id, H5T_STR_NULLPAD), expected)
      return type
    }
  }
}
