import CHDF5
import Data
import Formats
import Foundation
import JSON
import Tensors
import Testing

/// The bytes of an IDX file.
func idx(type: UInt8 = 8, _ dimensions: [Int], _ elements: [UInt8]) -> [UInt8] {
  [0, 0, type, UInt8(dimensions.count)]
    + dimensions.flatMap { extent in (0..<4).map { UInt8(truncatingIfNeeded: extent >> (24 - 8 * $0)) } } + elements
}

/// Runs `body`, which must throw a `DataError` whose one line contains all of `words`.
func expectRefusal(
  _ words: String..., location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
  let error = #expect(throws: DataError.self, sourceLocation: location) { try body() }
  let line = error?.description ?? ""
  #expect(!line.contains("\n"), sourceLocation: location)
  for word in words { #expect(line.contains(word), "\(line)", sourceLocation: location) }
}

extension SampleSource {
  /// One field of a sample as floats, whatever its type.
  func values(_ index: Int, _ field: Int) -> [Float] {
    let count = fields[field].shape.elementCount
    let arena = Arena(byteCount: count * 4)
    let output = arena.all(as: fields[field].type)
    read(index, .evaluation, field: field, into: output)
    return output.type == .int32
      ? output.integers.indices.map { Float(output.integers[$0]) } : output.floats.indices.map { output.floats[$0] }
  }
}

extension Dataset {
  /// One field of a sample as the model gets it, whatever its type.
  func values(_ sample: Int, _ field: Int, _ reading: Reading = .evaluation) -> [Float] {
    SampleReader(self).values(sample, field, reading, of: self)
  }
}

extension SampleReader {
  func values(_ sample: Int, _ field: Int, _ reading: Reading, of set: Dataset) -> [Float] {
    let arena = Arena(byteCount: set.fields[field].shape.elementCount * 4)
    let output = arena.all(as: set.fields[field].type)
    read(sample, reading, field: field, into: output)
    return output.type == .int32
      ? output.integers.indices.map { Float(output.integers[$0]) } : output.floats.indices.map { output.floats[$0] }
  }
}

/// Images of values 0…1 with a label each, in memory.
func images(_ count: Int, _ height: Int, _ width: Int, _ channels: Int = 3, classes: Int = 3) -> MemorySamples {
  let stream = RandomStream(seed: 21, purpose: .checking)
  let shape = TensorShape([height, width, channels])
  return MemorySamples(
    name: "images", count: count,
    columns: [
      .init(
        SampleField(name: SampleField.input, shape: shape, type: .float32),
        .floats((0..<count * shape.elementCount).map { stream.uniform($0) })),
      .init(
        SampleField(name: SampleField.target, shape: .scalar, type: .int32, classCount: classes),
        .integers((0..<count).map { Int32($0 % classes) })),
    ])
}

/// `samples` under the keys of a configuration's "data", such as `"mixup": {"alpha": 1}`.
func dataset(_ keys: String, _ samples: MemorySamples, seed: UInt64 = 5) throws -> Dataset {
  let text = #"{"type": "spirals", "batch_size": 1, "validation_fraction": 0, \#(keys)}"#
  let settings = try DataCatalog.catalog.read(try JSONParser.parse(text, file: "c.json"), path: "data").product
  return try Dataset(OpenedSamples(samples: samples), settings: settings.common, seed: seed)
}

/// Writes numeric datasets with the HDF5 library.
enum H5Fixture {
  enum Values {
    case floats([Float])
    case doubles([Double])
    case bytes([UInt8])
    case integers([Int64])
  }

  struct Item {
    var name: String
    var extents: [Int]
    var values: Values
    /// Rows a gzip chunk; nil is contiguous.
    var chunkRows: Int?
    var isExternal = false
  }

  static func write(_ items: [Item], to path: String, softLink: String? = nil) {
    HDF5Library.alone { writeAlone(items, to: path, softLink: softLink) }
  }

  private static func writeAlone(_ items: [Item], to path: String, softLink: String?) {
    let file = H5Fcreate(path, troupe_h5_exclusive(), troupe_h5_default(), troupe_h5_default())
    precondition(file >= 0)
    for item in items {
      let extents = item.extents.map(hsize_t.init)
      let space = H5Screate_simple(Int32(extents.count), extents, nil)
      let creation = H5Pcreate(troupe_h5_dataset_create())
      if let rows = item.chunkRows {
        var chunk = extents
        chunk[0] = hsize_t(rows)
        H5Pset_chunk(creation, Int32(chunk.count), chunk)
        H5Pset_deflate(creation, 6)
      }
      if item.isExternal { H5Pset_external(creation, "/etc/hostname", 0, 1 << 10) }
      let type =
        switch item.values {
        case .floats: troupe_h5_native_float()
        case .doubles: troupe_h5_native_double()
        case .bytes: troupe_h5_native_uint8()
        case .integers: troupe_h5_native_int64()
        }
      let dataset = H5Dcreate2(file, item.name, type, space, troupe_h5_default(), creation, troupe_h5_default())
      if !item.isExternal {
        func put<Value: BitwiseCopyable>(_ values: [Value]) {
          H5Dwrite(dataset, type, troupe_h5_all(), troupe_h5_all(), troupe_h5_default(), values)
        }
        switch item.values {
        case .floats(let values): put(values)
        case .doubles(let values): put(values)
        case .bytes(let values): put(values)
        case .integers(let values): put(values)
        }
      }
      H5Dclose(dataset)
      H5Pclose(creation)
      H5Sclose(space)
    }
    if let softLink { H5Lcreate_soft("/inputs", file, softLink, troupe_h5_default(), troupe_h5_default()) }
    H5Fclose(file)
  }
}
