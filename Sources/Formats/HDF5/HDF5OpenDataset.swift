import CHDF5
import Glibc

/// A dataset that the reading process has open.
final class HDF5OpenDataset {
  let name: String
  let description: HDF5Object
  private let handle: HDF5Handle

  init(_ name: String, of reader: HDF5Reader) throws(HDF5Error) {
    self.name = name
    let place = "dataset \(MessageText.quoted(name))"
    // Chunks are read once and in order.
    let access = try HDF5Handle(H5Pcreate(troupe_h5_dataset_access()), "to read a dataset")
    let opened = H5Dopen2(reader.file.id, name, access.id)
    guard opened >= 0 else { throw Self.reason(name, of: reader, at: place) }
    handle = try HDF5Handle(opened, "a dataset")
    var description = HDF5Object()
    description.path = name
    description.kind = .dataset
    try HDF5Description.describe(dataset: opened, &description)
    let kind = description.storage?.kind
    guard reader.allowsExternal || kind != .external && kind != .virtual else {
      throw HDF5Error(
        "data inside the file", kind == .virtual ? "a virtual dataset" : "external storage", at: place,
        advice: Self.externalAdvice)
    }
    if reader.allowsExternal, kind == .virtual {
      description.extents = try HDF5Description.extents(HDF5Handle(H5Dget_space(opened), "a data space"))
    }
    self.description = description
  }

  private static let externalAdvice = "copy the data into the file, or set \"external\": true if you trust the file"

  /// Why a dataset cannot be opened.
  private static func reason(_ name: String, of reader: HDF5Reader, at place: String) -> HDF5Error {
    let failure = HDF5Library.error("a dataset", at: place)
    var path = ""
    for part in name.split(separator: "/") {
      let group = path.isEmpty ? "/" : path
      path += "/\(part)"
      var info = troupe_h5_link_info()
      guard troupe_h5_link(reader.file.id, path, &info) >= 0 else {
        let known = (try? reader.names(in: group)) ?? []
        let names = known.prefix(12).map { MessageText.quoted($0) }.joined(separator: ", ")
        return HDF5Error(
          "a dataset of that name", "none", at: place,
          advice: names.isEmpty ? "there is nothing to read in its group" : "its group holds \(names)")
      }
      if info.type == H5L_TYPE_EXTERNAL, !reader.allowsExternal {
        return HDF5Error("a dataset inside the file", "an external link", at: place, advice: externalAdvice)
      }
      if info.type == H5L_TYPE_SOFT {
        let object = H5Oopen(reader.file.id, path, troupe_h5_default())
        guard object >= 0 else {
          return HDF5Error(
            "a dataset inside the file", "a soft link that leads nowhere or out of the file", at: place,
            advice: externalAdvice)
        }
        H5Idec_ref(object)
      }
    }
    return failure
  }

  /// Reads rows, converted to `type`, into `memory`, which has exactly their bytes.
  func read(
    _ rows: Range<Int>, as type: HDF5MemoryType, into memory: UnsafeMutableRawBufferPointer
  ) throws(HDF5Error) {
    let selection = try Selection(rows, of: handle, description)
    let result = H5Dread(
      handle.id, type.library, selection.memory.id, selection.file.id, troupe_h5_default(), memory.baseAddress)
    guard result >= 0 else { throw unreadable() }
  }

  private func unreadable() -> HDF5Error {
    HDF5Library.error("readable data", at: "dataset \(MessageText.quoted(name))")
  }

  /// Rows in the file, and as many in memory.
  private struct Selection: ~Copyable {
    let file: HDF5Handle
    let memory: HDF5Handle

    init(_ rows: Range<Int>, of dataset: borrowing HDF5Handle, _ description: HDF5Object) throws(HDF5Error) {
      guard var extents = description.extents?.map({ hsize_t($0) }), !extents.isEmpty,
        rows.lowerBound >= 0, rows.upperBound <= Int(extents[0])
      else { throw HDF5Error("rows of the dataset", "others") }
      let file = try HDF5Handle(H5Dget_space(dataset.id), "a data space")
      var start = [hsize_t](repeating: 0, count: extents.count)
      start[0] = hsize_t(rows.lowerBound)
      extents[0] = hsize_t(rows.count)
      try HDF5Library.check(H5Sselect_hyperslab(file.id, H5S_SELECT_SET, start, nil, extents, nil), "a selection")
      memory = try HDF5Handle(H5Screate_simple(Int32(extents.count), extents, nil), "a data space")
      self.file = file
    }
  }

  /// Reads texts piece by piece: the label of each, the number of its text among all in their order.
  ///
  /// - Parameter most: distinct texts above which the dataset is refused.
  /// - Returns: the distinct texts in the order of their bytes.
  func readLabels(into labels: UnsafeMutableBufferPointer<Int32>, most: Int) throws(HDF5Error) -> [String] {
    var numbers: [[UInt8]: Int32] = [:]
    let place = "dataset \(MessageText.quoted(name))"
    for start in stride(from: 0, to: labels.count, by: Self.textsAtOnce) {
      let rows = start..<min(start + Self.textsAtOnce, labels.count)
      try forEachText(rows) { (row, bytes) throws(HDF5Error) in
        let next = Int32(numbers.count)
        let number = numbers[bytes, default: next]
        if number == next {
          guard numbers.count < most else {
            throw HDF5Error("at most \(most) different texts as class labels", "more", at: place)
          }
          guard String(validating: bytes, as: UTF8.self) != nil else {
            throw HDF5Error(
              MessageText.unicode, MessageText.flaw(of: bytes), at: "\(place), sample \(row)",
              advice: "save the texts in UTF-8")
          }
          numbers[bytes] = number
        }
        labels[row] = number
      }
    }
    let sorted = numbers.keys.sorted { $0.lexicographicallyPrecedes($1) }
    var order = [Int32](repeating: 0, count: sorted.count)
    for (place, bytes) in sorted.enumerated() { if let number = numbers[bytes] { order[Int(number)] = Int32(place) } }
    for row in labels.indices { labels[row] = order[Int(labels[row])] }
    return sorted.map { String(decoding: $0, as: UTF8.self) }
  }

  private static let textsAtOnce = 4096
  private static let longestText = 1 << 16

  /// Calls `body` with the bytes of each text, without its padding.
  private func forEachText(
    _ rows: Range<Int>, _ body: (_ row: Int, [UInt8]) throws(HDF5Error) -> Void
  ) throws(HDF5Error) {
    let selection = try Selection(rows, of: handle, description)
    let type = try HDF5Handle(H5Dget_type(handle.id), "a data type")
    let byteCount = description.type?.byteCount ?? 0
    let place = "dataset \(MessageText.quoted(name))"
    guard byteCount <= Self.longestText else {
      throw HDF5Error("texts of at most \(Self.longestText) bytes", "\(byteCount)", at: place)
    }
    if byteCount > 0 {
      let padding: UInt8 = H5Tget_strpad(type.id) == H5T_STR_SPACEPAD ? 0x20 : 0
      var bytes = [UInt8](repeating: 0, count: rows.count * byteCount)
      guard
        H5Dread(handle.id, type.id, selection.memory.id, selection.file.id, troupe_h5_default(), &bytes) >= 0
      else { throw unreadable() }
      for (index, row) in rows.enumerated() {
        let text = bytes[index * byteCount..<(index + 1) * byteCount].prefix { $0 != 0 || padding != 0 }
        let end = text.lastIndex { $0 != padding }.map { $0 + 1 } ?? text.startIndex
        try body(row, Array(text[..<end]))
      }
      return
    }
    var texts = [UnsafeMutablePointer<CChar>?](repeating: nil, count: rows.count)
    guard
      H5Dread(handle.id, type.id, selection.memory.id, selection.file.id, troupe_h5_default(), &texts) >= 0
    else { throw unreadable() }
    defer { H5Dvlen_reclaim(type.id, selection.memory.id, troupe_h5_default(), &texts) }
    for (text, row) in zip(texts, rows) {
      let bytes = text.map { Array(UnsafeRawBufferPointer(start: $0, count: strnlen($0, Self.longestText + 1))) } ?? []
      guard bytes.count <= Self.longestText else {
        throw HDF5Error("texts of at most \(Self.longestText) bytes", "a longer one", at: "\(place), sample \(row)")
      }
      try body(row, bytes)
    }
  }
}
