import CHDF5
import Checkpoints
import Files
import Formats
import Foundation
import Tensors
import TestSupport
import Testing

/// Malicious files with a digest that fits.
enum HostileFile: String, CaseIterable, Sendable {
  case softLink, softLinkToNowhere, externalLink, externalStorage, chunked, filtered, compact, virtual
  case float64, bigEndian, int64, compound, empty, hugeShape, manyDimensions, unallocated
  case namedType, twoNames, cycle, deepGroups, oddName, noChecksum, wrongChecksum, wideChecksum, textChecksum
  case noFormat, otherFormat, longFormat, laterVersion, negativeStep, vectorStep, variableText, numberAsText,
    textWithNumbers
  case oldSuperblock, notHDF5, userBlock

  /// A part of the error that refuses it.
  var complaint: String {
    switch self {
    case .softLink, .softLinkToNowhere, .externalLink: "soft or external link named weight"
    case .externalStorage: "parameters/weight: its data are in another file"
    case .chunked, .filtered, .compact, .virtual: "parameters/weight: it is chunked, compact or virtual"
    case .float64, .bigEndian, .int64, .compound: "parameters/weight: neither little-endian float32 nor int32"
    case .empty, .hugeShape, .unallocated: "parameters/weight: it has no data"
    case .manyDimensions: "parameters/weight is [1, 1, 1"
    case .namedType: "parameters/weight is neither a group nor a dataset"
    case .twoNames, .cycle: "is linked more than once"
    case .deepGroups: "lies deeper than 16 groups"
    case .oddName: "has a name that is not one of a tensor"
    case .noChecksum: "the attribute crc32c is missing"
    case .wrongChecksum: "parameters/weight has the CRC32C"
    case .wideChecksum, .textChecksum: "the attribute crc32c has another type"
    case .noFormat: "the attribute format is missing"
    case .otherFormat: "has the format \"somebody-elses-tf\""
    case .longFormat: "the attribute format is not a text of at most 17 bytes"
    case .laterVersion: "has format version 2, this build reads 1"
    case .negativeStep: "states step -1"
    case .vectorStep: "the attribute step is not a single value"
    case .variableText, .numberAsText: "run/config: not a text of fixed length"
    case .textWithNumbers: "run/config is not UTF-8"
    case .oldSuperblock, .notHDF5, .userBlock: "does not start with an HDF5 1.8 superblock"
    }
  }
}

/// Writes HDF5 files without any of the checks that the writer of checkpoints makes.
///
/// Callers use it inside `HDF5Library.alone`.
private struct HostileWriter {
  let kind: HostileFile
  let file: hid_t

  func attribute(_ name: String, of object: hid_t, _ value: Int64, type: hid_t, count: Int = 1) {
    var extent = hsize_t(count)
    let space = count == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nil)
    let attribute = H5Acreate2(object, name, type, space, 0, 0)
    _ = H5Awrite(attribute, troupe_h5_native_int64(), [Int64](repeating: value, count: count))
    _ = H5Aclose(attribute)
  }

  func textType(_ count: Int) -> hid_t {
    let type = H5Tcopy(troupe_h5_c_string())
    _ = H5Tset_size(type, count)
    return type
  }

  func rootAttributes() {
    let text =
      switch kind {
      case .otherFormat: "somebody-elses-tf"
      case .longFormat: String(repeating: "troupe-checkpoint", count: 1_000)
      default: "troupe-checkpoint"
      }
    if kind != .noFormat {
      let type = textType(text.utf8.count)
      let attribute = H5Acreate2(file, "format", type, H5Screate(H5S_SCALAR), 0, 0)
      _ = H5Awrite(attribute, type, Array(text.utf8))
      _ = H5Aclose(attribute)
    }
    attribute("format_version", of: file, kind == .laterVersion ? 2 : 1, type: troupe_h5_little_int32())
    attribute(
      "step", of: file, kind == .negativeStep ? -1 : 1, type: troupe_h5_little_int64(),
      count: kind == .vectorStep ? 2 : 1)
  }

  func checksum(of dataset: hid_t, _ value: UInt32) {
    switch kind {
    case .noChecksum: break
    case .wideChecksum: attribute("crc32c", of: dataset, Int64(value), type: troupe_h5_little_int64())
    case .textChecksum: _ = H5Acreate2(dataset, "crc32c", textType(4), H5Screate(H5S_SCALAR), 0, 0)
    default:
      attribute("crc32c", of: dataset, kind == .wrongChecksum ? 1 : Int64(value), type: troupe_h5_little_uint32())
    }
  }

  var type: hid_t {
    switch kind {
    case .float64: return troupe_h5_native_double()
    case .int64: return troupe_h5_little_int64()
    case .bigEndian:
      let type = H5Tcopy(troupe_h5_little_float())
      _ = H5Tset_order(type, H5T_ORDER_BE)
      return type
    case .compound:
      let type = H5Tcreate(H5T_COMPOUND, 4)
      _ = H5Tinsert(type, "x", 0, troupe_h5_little_float())
      return type
    default: return troupe_h5_little_float()
    }
  }

  var space: hid_t {
    let extents: [hsize_t] =
      switch kind {
      case .hugeShape: [1 << 30, 1 << 30]
      case .manyDimensions: [hsize_t](repeating: 1, count: 31) + [16]
      default: [4, 4]
      }
    return kind == .empty ? H5Screate(H5S_NULL) : H5Screate_simple(Int32(extents.count), extents, nil)
  }

  var properties: hid_t {
    let properties = H5Pcreate(troupe_h5_dataset_create())
    let block: [hsize_t] = [2, 2]
    switch kind {
    case .externalStorage: _ = H5Pset_external(properties, "/etc/passwd", 0, 64)
    case .chunked: _ = H5Pset_chunk(properties, 2, block)
    case .filtered:
      _ = H5Pset_chunk(properties, 2, block)
      _ = H5Pset_deflate(properties, 9)
    case .compact: _ = H5Pset_layout(properties, H5D_COMPACT)
    case .virtual:
      let space = space
      _ = H5Pset_virtual(properties, space, "/etc/passwd", "data", space)
    case .unallocated, .hugeShape: _ = H5Pset_alloc_time(properties, H5D_ALLOC_TIME_LATE)
    default: _ = H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY)
    }
    return properties
  }

  func weight(in group: hid_t) {
    switch kind {
    case .softLink: _ = H5Lcreate_soft("/run", group, "weight", 0, 0)
    case .softLinkToNowhere: _ = H5Lcreate_soft("/parameters/weight", group, "weight", 0, 0)
    case .externalLink: _ = H5Lcreate_external("/etc/passwd", "/", group, "weight", 0, 0)
    case .namedType: _ = H5Tcommit2(group, "weight", H5Tcopy(troupe_h5_little_float()), 0, 0, 0)
    case .cycle: _ = H5Lcreate_hard(file, "parameters", group, "weight", 0, 0)
    case .deepGroups:
      var inner = group
      for _ in 0..<40 { inner = H5Gcreate2(inner, "g", 0, 0, 0) }
    default:
      let dataset = H5Dcreate2(group, kind == .oddName ? "we\u{7}ight\u{FF}" : "weight", type, space, 0, properties, 0)
      if ![.hugeShape, .unallocated, .externalStorage, .virtual, .compound, .empty].contains(kind) {
        _ = H5Dwrite(
          dataset, troupe_h5_native_float(), troupe_h5_all(), troupe_h5_all(), 0, [Float](repeating: 0, count: 16))
      }
      // CRC32C of 64 zero bytes.
      checksum(of: dataset, 0x03C8_EB67)
      if kind == .twoNames { _ = H5Lcreate_hard(group, "weight", group, "again", 0, 0) }
      if kind == .oddName { _ = H5Lmove(group, "we\u{7}ight\u{FF}", group, "\u{2E}.", 0, 0) }
    }
  }

  func texts() {
    let group = H5Gcreate2(file, "run", 0, 0, 0)
    let type =
      switch kind {
      case .variableText: textType(-1)
      case .numberAsText: troupe_h5_little_int32()
      default: textType(4)
      }
    let properties = H5Pcreate(troupe_h5_dataset_create())
    _ = H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY)
    let dataset = H5Dcreate2(group, "config", type, H5Screate(H5S_SCALAR), 0, properties, 0)
    if kind == .textWithNumbers { _ = H5Dwrite(dataset, type, 0, 0, 0, [0xFF, 0xFE, 0xC0, 0x80] as [UInt8]) }
    attribute(
      "crc32c", of: dataset, kind == .textWithNumbers ? 0xD202_1DD6 : 0x4867_4BC7, type: troupe_h5_little_uint32())
  }

  static func write(_ kind: HostileFile, to url: URL) {
    let access = H5Pcreate(troupe_h5_file_access())
    // Open objects are closed with the file.
    _ = H5Pset_fclose_degree(access, H5F_CLOSE_STRONG)
    let newest = kind == .virtual ? H5F_LIBVER_V110 : H5F_LIBVER_V18
    if kind != .oldSuperblock { _ = H5Pset_libver_bounds(access, H5F_LIBVER_V18, newest) }
    let creation = H5Pcreate(troupe_h5_file_create())
    if kind == .userBlock { _ = H5Pset_userblock(creation, 512) }
    let file = H5Fcreate(url.path, troupe_h5_truncate(), creation, access)
    let writer = HostileWriter(kind: kind, file: file)
    writer.rootAttributes()
    writer.weight(in: H5Gcreate2(file, "parameters", 0, 0, 0))
    writer.texts()
    _ = H5Fclose(file)
  }
}

@Suite struct HostileFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: HostileFile.allCases) func isRefused(kind: HostileFile) throws {
    let url = folder.checkpoint(1)
    if kind == .notHDF5 {
      try Data("PK\u{3}\u{4}".utf8).write(to: url)
    } else {
      HDF5Library.alone { HostileWriter.write(kind, to: url) }
    }
    let digest = Digest.sha256(Array(try Data(contentsOf: url)))
    try Data("\(digest)  \(url.lastPathComponent)\n".utf8).write(to: CheckpointFile.digestURL(of: url))

    let memory = SampleTensors(seed: nil, shapes: [(path: "parameters/weight", dimensions: [4, 4], type: .float32)])
    let error = try #require(
      failure { () throws(CheckpointError) in _ = try CheckpointFile.read(at: url, into: memory.tensors) })
    #expect(error.description.contains(kind.complaint), "\(error)")
    #expect(error.description.contains(url.lastPathComponent) && !error.description.contains("\n"))
    if kind != .manyDimensions {
      #expect(failure { () throws(CheckpointError) in _ = try CheckpointFile.verify(at: url) } != nil)
    }
  }
}
