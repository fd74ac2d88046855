import CHDF5
import Checkpoints
import Formats
import Foundation
import Tensors
import TestSupport
import Testing

/// The HDF5 library's own reader finds in a checkpoint what was written.
@Suite struct HDF5LibraryTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ url: URL) throws -> hid_t {
    let file = H5Fopen(url.path, troupe_h5_read_only(), 0)
    try #require(file >= 0)
    return file
  }

  private func read(_ path: String, of file: hid_t, as type: hid_t, into bytes: inout [UInt8]) throws {
    let dataset = H5Dopen2(file, path, 0)
    try #require(dataset >= 0, "\(path)")
    defer { H5Dclose(dataset) }
    try #require(H5Dread(dataset, type, troupe_h5_all(), troupe_h5_all(), 0, &bytes) >= 0, "\(path)")
  }

  @Test func readsEveryTensorTextAndAttribute() throws {
    let sample = SampleTensors(seed: 11)
    let metadata = sampleMetadata(step: 77)
    try CheckpointFile.write(sample.tensors, metadata: metadata, to: folder.checkpoint(77))
    try HDF5Library.alone {
      let file = try open(folder.checkpoint(77))
      defer { H5Fclose(file) }
      for tensor in sample.tensors {
        let dataset = H5Dopen2(file, tensor.path, 0)
        let space = H5Dget_space(dataset)
        var extents = [hsize_t](repeating: 0, count: 32)
        let rank = Int(H5Sget_simple_extent_dims(space, &extents, nil))
        #expect(extents.prefix(rank).map { Int($0) } == tensor.shape.dimensions)
        let type = tensor.slice.type == .int32 ? troupe_h5_little_int32() : troupe_h5_little_float()
        let stored = H5Dget_type(dataset)
        #expect(H5Tequal(stored, type) > 0)
        var crc: UInt32 = 0
        let attribute = H5Aopen(dataset, "crc32c", 0)
        #expect(H5Aread(attribute, troupe_h5_little_uint32(), &crc) >= 0 && crc != 0)
        var bytes = [UInt8](repeating: 0, count: tensor.slice.byteCount)
        try read(tensor.path, of: file, as: type, into: &bytes)
        #expect(bytes == tensor.slice.bytes.withUnsafeBytes { Array($0) }, "\(tensor.path)")
        _ = (H5Aclose(attribute), H5Tclose(stored), H5Sclose(space), H5Dclose(dataset))
      }
      for (name, text) in metadata.presentTexts {
        let dataset = H5Dopen2(file, "run/\(name)", 0)
        let type = H5Dget_type(dataset)
        #expect(H5Tget_cset(type) == H5T_CSET_UTF8 && H5Tget_size(type) == max(text.utf8.count, 1))
        var bytes = [UInt8](repeating: 0, count: H5Tget_size(type))
        try read("run/\(name)", of: file, as: type, into: &bytes)
        #expect(bytes == (text.isEmpty ? [0] : Array(text.utf8)))
        _ = (H5Tclose(type), H5Dclose(dataset))
      }
      var step: Int64 = 0
      let attribute = H5Aopen(file, "step", 0)
      #expect(H5Aread(attribute, troupe_h5_native_int64(), &step) >= 0 && step == 77)
      H5Aclose(attribute)
    }
  }

  /// Groups beyond every threshold at which the library changes how it stores them.
  @Test(arguments: [0, 1, 9, 5_000]) func readsGroupsOfAnySize(count: Int) throws {
    let shapes = (0..<count).map {
      (path: "parameters/layer.\($0).weight", dimensions: [2, $0 % 3 + 1], type: ElementType.float32)
    }
    let sample = SampleTensors(seed: 12, shapes: shapes)
    try CheckpointFile.write(sample.tensors, metadata: CheckpointMetadata(step: 1), to: folder.checkpoint(1))
    try HDF5Library.alone {
      let file = try open(folder.checkpoint(1))
      defer { H5Fclose(file) }
      if count > 0 {
        var info = H5G_info_t()
        #expect(H5Gget_info_by_name(file, "parameters", &info, 0) >= 0 && info.nlinks == count)
      }
      for tensor in sample.tensors {
        var bytes = [UInt8](repeating: 0, count: tensor.slice.byteCount)
        try read(tensor.path, of: file, as: troupe_h5_little_float(), into: &bytes)
        #expect(bytes == tensor.slice.bytes.withUnsafeBytes { Array($0) }, "\(tensor.path)")
      }
    }
  }

  /// A user may add to a checkpoint with the library; it is then no longer a checkpoint, but a valid HDF5 file.
  @Test func addsToACheckpoint() throws {
    try writeSample(1, in: folder)
    let url = folder.checkpoint(1)
    HDF5Library.alone {
      let file = H5Fopen(url.path, 1, 0)
      for index in 0..<20 {
        let group = H5Gcreate2(file, "parameters/added.\(index)", 0, 0, 0)
        #expect(group >= 0)
        H5Gclose(group)
      }
      #expect(H5Fclose(file) >= 0)
    }
    #expect(failure { () throws(CheckpointError) in _ = try CheckpointFile.verify(at: url) } != nil)
  }
}
