import JSON

/// A link of an HDF5 file and the object that it leads to, as the file's structures describe them.
package struct HDF5Object: JSONRecord, Sendable, Equatable {
  package enum Kind: String, JSONValue, Sendable {
    case group, dataset, namedType, softLink, externalLink
    /// A link that a later version or a program defined, or one whose name is not text.
    case other
  }

  /// Names of groups without a leading slash; empty for the root.
  package var path = ""
  package var kind = Kind.other
  /// The place of the object in the file, where it lies in the file.
  package var address: Int?
  /// How many hard links lead to the object.
  package var linkCount = 1
  /// Nil where the object is no dataset.
  package var type: HDF5Datatype?
  /// Of a dataset: none is a single value, nil is no value at all.
  package var extents: [Int]?
  /// Nil where the object is no dataset.
  package var storage: HDF5Storage?
  package var attributes: [HDF5Attribute] = []
  /// Why the library could not describe the object; the rest is then unknown.
  package var flaw: String?

  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("path", &path)
    coder.member("kind", &kind)
    coder.member(optional: "address", &address)
    coder.member("links", &linkCount)
    coder.member(optional: "type", &type)
    coder.member(optional: "extents", &extents)
    coder.member(optional: "storage", &storage)
    coder.member("attributes", &attributes)
    coder.member(optional: "flaw", &flaw)
  }
}

extension HDF5Object {
  /// Of a dataset: bytes of a chunk, 0 where it has none.
  var chunkBytes: Int {
    guard let chunk = storage?.chunk, !chunk.isEmpty else { return 0 }
    let (bytes, overflow) = chunk.reduce((max(1, type?.byteCount ?? 1), false)) { product, extent in
      let (next, overflow) = product.0.multipliedReportingOverflow(by: extent)
      return (next, product.1 || overflow)
    }
    return overflow ? Self.largestChunk : min(bytes, Self.largestChunk)
  }

  /// Chunks have fewer bytes than 2³².
  private static let largestChunk = 1 << 32
}

/// A small value at a group or dataset.
package struct HDF5Attribute: JSONRecord, Sendable, Equatable {
  package var name = ""
  package var type = HDF5Datatype()
  /// Whether it is a single value.
  package var isScalar = false
  /// The bits of a single integer as an `Int64`; those above `Int64.max` are clamped.
  private var bits: UInt64?
  /// Of a single short text of a fixed number of bytes.
  package var text: String?

  /// Of a single integer.
  package var number: Int64? {
    get { bits.map { Int64(bitPattern: $0) } }
    set { bits = newValue.map { UInt64(bitPattern: $0) } }
  }

  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("name", &name)
    coder.member("type", &type)
    coder.member("scalar", &isScalar)
    coder.member(optional: "bits", &bits)
    coder.member(optional: "text", &text)
  }
}

/// The type of elements.
package struct HDF5Datatype: JSONRecord, Sendable, Equatable {
  package enum Class: String, JSONValue, Sendable {
    case integer, float, boolean, enumeration, text, other
  }

  package var valueClass = Class.other
  /// Of an element; 0 for texts of any length.
  package var byteCount = 0
  package var isSigned = false
  /// Whether elements lie in the file as in this processor's memory: little-endian, IEEE 754, no unused bits.
  package var isNative = false
  /// Of an enumeration: the names of its values.
  package var members: [Member] = []

  package struct Member: JSONRecord, Sendable, Equatable {
    package var name = ""
    private var bits: UInt64 = 0

    package var value: Int64 { Int64(bitPattern: bits) }

    package init() {}

    init(_ name: String, _ value: Int64) {
      self.name = name
      bits = UInt64(bitPattern: value)
    }

    package mutating func code(_ coder: inout JSONCoder) {
      coder.member("name", &name)
      coder.member("bits", &bits)
    }
  }

  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("class", &valueClass)
    coder.member("bytes", &byteCount)
    coder.member("signed", &isSigned)
    coder.member("native", &isNative)
    coder.member("members", &members)
  }

  /// Whether this is the processor's own type of that class and size.
  package func isNative(_ valueClass: Class, byteCount: Int, isSigned: Bool = true) -> Bool {
    isNative && self.valueClass == valueClass && self.byteCount == byteCount
      && (valueClass != .integer || self.isSigned == isSigned)
  }

  /// For people: "float64", "uint8", …
  package var name: String {
    switch valueClass {
    case .integer: "\(isSigned ? "int" : "uint")\(byteCount * 8)"
    case .float: "float\(byteCount * 8)"
    case .boolean: "bool"
    case .enumeration: "enumeration"
    case .text: "text"
    case .other: "another type"
    }
  }
}

/// Where the elements of a dataset lie.
package struct HDF5Storage: JSONRecord, Sendable, Equatable {
  package enum Kind: String, JSONValue, Sendable {
    case contiguous, compact, chunked, virtual
    /// In another file.
    case external
    case other
  }

  package struct Filter: JSONRecord, Sendable, Equatable {
    package var code = 0
    package var name = ""
    /// Whether this build of the library can undo it.
    package var isAvailable = false

    package init() {}

    package mutating func code(_ coder: inout JSONCoder) {
      coder.member("code", &code)
      coder.member("name", &name)
      coder.member("available", &isAvailable)
    }
  }

  package var kind = Kind.other
  /// Of contiguous data; nil where none were written.
  package var offset: Int?
  /// Bytes in the file.
  package var byteCount = 0
  /// The extents of a chunk.
  package var chunk: [Int] = []
  /// Chunks in the file.
  package var chunkCount = 0
  package var filters: [Filter] = []

  package init() {}

  package mutating func code(_ coder: inout JSONCoder) {
    coder.member("kind", &kind)
    coder.member(optional: "offset", &offset)
    coder.member("bytes", &byteCount)
    coder.member("chunk", &chunk)
    coder.member("chunks", &chunkCount)
    coder.member("filters", &filters)
  }

  /// The bytes of contiguous data in the file; nil where there are none.
  package var range: Range<Int>? {
    guard kind == .contiguous, let offset, offset >= 0, byteCount > 0 else { return nil }
    let (end, overflow) = offset.addingReportingOverflow(byteCount)
    return overflow ? nil : offset..<end
  }
}
