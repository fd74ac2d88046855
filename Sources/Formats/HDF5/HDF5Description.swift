import CHDF5

/// Descriptions of what a file's structures say; no elements are read.
enum HDF5Description {
  private static let largestAttribute = 1_024
  private static let mostAttributes = 1_000
  private static let mostMembers = 100_000
  static let mostDimensions = 32

  /// The object that a link of a group leads to.
  static func object(_ link: HDF5Reader.Link, path: String, in group: hid_t) -> HDF5Object {
    var object = HDF5Object()
    object.path = path
    switch link.type {
    case H5L_TYPE_SOFT: object.kind = .softLink
    case H5L_TYPE_EXTERNAL: object.kind = .externalLink
    case H5L_TYPE_HARD where link.isText && ![".", "..", ""].contains(link.name) && !link.name.contains("/"):
      do throws(HDF5Error) {
        let opened = try HDF5Handle(H5Oopen(group, link.name, troupe_h5_default()), "an object")
        try describe(opened, &object)
      } catch {
        object.flaw = error.found
      }
    default: break
    }
    return object
  }

  private static func describe(_ opened: borrowing HDF5Handle, _ object: inout HDF5Object) throws(HDF5Error) {
    var address = haddr_t(0)
    var names = UInt32(0)
    var type = H5O_TYPE_UNKNOWN
    try HDF5Library.check(troupe_h5_object(opened.id, &address, &names, &type), "an object")
    object.address = Int(clamping: address)
    object.linkCount = Int(names)
    switch type {
    case H5O_TYPE_GROUP: object.kind = .group
    case H5O_TYPE_NAMED_DATATYPE: object.kind = .namedType
    case H5O_TYPE_DATASET:
      object.kind = .dataset
      try describe(dataset: opened.id, &object)
    default: object.kind = .other
    }
    object.attributes = try attributes(of: opened)
  }

  static func describe(dataset id: hid_t, _ object: inout HDF5Object) throws(HDF5Error) {
    object.type = try datatype(HDF5Handle(H5Dget_type(id), "a data type"))
    let storage = try storage(of: id)
    object.storage = storage
    // The extents of a virtual dataset can depend on other files.
    if storage.kind != .virtual { object.extents = try extents(HDF5Handle(H5Dget_space(id), "a data space")) }
  }

  /// Nil for no elements.
  static func extents(_ space: borrowing HDF5Handle) throws(HDF5Error) -> [Int]? {
    switch H5Sget_simple_extent_type(space.id) {
    case H5S_SCALAR: return []
    case H5S_NULL: return nil
    default:
      var extents = [hsize_t](repeating: 0, count: mostDimensions)
      let rank = H5Sget_simple_extent_ndims(space.id)
      guard (0...mostDimensions).contains(Int(rank)) else { throw HDF5Library.error("extents") }
      try HDF5Library.check(H5Sget_simple_extent_dims(space.id, &extents, nil), "extents")
      return extents.prefix(Int(rank)).map { Int(clamping: $0) }
    }
  }

  private static func storage(of dataset: hid_t) throws(HDF5Error) -> HDF5Storage {
    let creation = try HDF5Handle(H5Dget_create_plist(dataset), "the storage of a dataset")
    var storage = HDF5Storage()
    switch H5Pget_layout(creation.id) {
    case H5D_CONTIGUOUS: storage.kind = H5Pget_external_count(creation.id) > 0 ? .external : .contiguous
    case H5D_COMPACT: storage.kind = .compact
    case H5D_CHUNKED: storage.kind = .chunked
    case H5D_VIRTUAL: storage.kind = .virtual
    default: storage.kind = .other
    }
    if storage.kind == .virtual || storage.kind == .external { return storage }
    storage.byteCount = Int(clamping: H5Dget_storage_size(dataset))
    let offset = H5Dget_offset(dataset)
    if storage.kind == .contiguous, offset != troupe_h5_undefined() { storage.offset = Int(clamping: offset) }
    if storage.kind == .chunked {
      var chunk = [hsize_t](repeating: 0, count: mostDimensions)
      let rank = H5Pget_chunk(creation.id, Int32(mostDimensions), &chunk)
      try HDF5Library.check(rank, "the extents of chunks")
      storage.chunk = chunk.prefix(Int(rank)).map { Int(clamping: $0) }
      var chunks = hsize_t(0)
      let space = try HDF5Handle(H5Dget_space(dataset), "a data space")
      try HDF5Library.check(H5Dget_num_chunks(dataset, space.id, &chunks), "an index of chunks")
      storage.chunkCount = Int(clamping: chunks)
    }
    for index in 0..<max(0, H5Pget_nfilters(creation.id)) {
      storage.filters.append(try filter(UInt32(index), of: creation.id))
    }
    return storage
  }

  private static func filter(_ index: UInt32, of creation: hid_t) throws(HDF5Error) -> HDF5Storage.Filter {
    var name = [CChar](repeating: 0, count: 64)
    var (flags, valueCount, configuration) = (UInt32(0), 0, UInt32(0))
    let code = H5Pget_filter2(creation, index, &flags, &valueCount, nil, name.count - 1, &name, &configuration)
    try HDF5Library.check(code, "a filter")
    var filter = HDF5Storage.Filter()
    filter.code = Int(code)
    filter.name = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    filter.isAvailable = H5Zfilter_avail(code) > 0
    return filter
  }

  static func datatype(_ type: borrowing HDF5Handle) throws(HDF5Error) -> HDF5Datatype {
    var datatype = HDF5Datatype()
    let valueClass = H5Tget_class(type.id)
    let size = H5Tget_size(type.id)
    datatype.byteCount = valueClass == H5T_STRING && H5Tis_variable_str(type.id) > 0 ? 0 : size
    switch valueClass {
    case H5T_INTEGER where size <= 8:
      datatype.valueClass = .integer
      datatype.isSigned = H5Tget_sign(type.id) == H5T_SGN_2
      datatype.isNative = try isNative(type, size, isSigned: datatype.isSigned)
    case H5T_FLOAT where size <= 8:
      datatype.valueClass = .float
      datatype.isNative =
        size == 4 && H5Tequal(type.id, troupe_h5_native_float()) > 0
        || size == 8 && H5Tequal(type.id, troupe_h5_native_double()) > 0
    case H5T_ENUM where size <= 8:
      let base = try HDF5Handle(H5Tget_super(type.id), "a data type")
      guard H5Tget_class(base.id) == H5T_INTEGER else { break }
      datatype.members = try members(type, size)
      // As h5py and PyTables write Booleans.
      let isBoolean = datatype.members.map(\.name) == ["FALSE", "TRUE"] && datatype.members.map(\.value) == [0, 1]
      datatype.valueClass = isBoolean ? .boolean : .enumeration
    case H5T_STRING: datatype.valueClass = .text
    default: break
    }
    return datatype
  }

  private static func isNative(_ type: borrowing HDF5Handle, _ size: Int, isSigned: Bool) throws(HDF5Error) -> Bool {
    H5Tget_precision(type.id) == 8 * size && H5Tget_offset(type.id) == 0
      && (size == 1 || H5Tget_order(type.id) == H5T_ORDER_LE)
  }

  private static func members(
    _ type: borrowing HDF5Handle, _ size: Int
  ) throws(HDF5Error) -> [HDF5Datatype.Member] {
    let count = H5Tget_nmembers(type.id)
    guard (1...mostMembers).contains(Int(count)) else {
      throw HDF5Error("an enumeration of 1 to \(mostMembers) values", "\(count)")
    }
    let memory = try HDF5Handle(H5Tcopy(type.id), "a data type")
    let base = try HDF5Handle(H5Tget_super(type.id), "a data type")
    let isSigned = H5Tget_sign(base.id) == H5T_SGN_2
    let isBig = H5Tget_order(base.id) == H5T_ORDER_BE
    var members: [HDF5Datatype.Member] = []
    for index in 0..<UInt32(count) {
      guard let name = H5Tget_member_name(memory.id, index) else { throw HDF5Library.error("an enumeration") }
      defer { H5free_memory(name) }
      guard let text = String(validatingCString: name) else {
        throw HDF5Error("names of an enumeration in UTF-8", "another encoding")
      }
      var bytes = [UInt8](repeating: 0, count: 8)
      try HDF5Library.check(H5Tget_member_value(memory.id, index, &bytes), "an enumeration")
      let digits = isBig ? Array(bytes.prefix(size)) : bytes.prefix(size).reversed()
      let isNegative = isSigned && digits[0] & 0x80 != 0
      members.append(.init(text, Int64(bitPattern: digits.reduce(isNegative ? .max : 0) { $0 << 8 | UInt64($1) })))
    }
    return members
  }

  static func attributes(of object: borrowing HDF5Handle) throws(HDF5Error) -> [HDF5Attribute] {
    let count = H5Aget_num_attrs(object.id)
    try HDF5Library.check(count, "attributes")
    var attributes: [HDF5Attribute] = []
    for index in 0..<UInt32(min(Int(count), mostAttributes)) {
      let opened = try HDF5Handle(
        H5Aopen_by_idx(
          object.id, ".", H5_INDEX_NAME, H5_ITER_INC, hsize_t(index), troupe_h5_default(), troupe_h5_default()),
        "an attribute")
      attributes.append(try attribute(opened))
    }
    return attributes
  }

  private static func attribute(_ opened: borrowing HDF5Handle) throws(HDF5Error) -> HDF5Attribute {
    var attribute = HDF5Attribute()
    var name = [CChar](repeating: 0, count: largestAttribute)
    try HDF5Library.check(H5Aget_name(opened.id, name.count - 1, &name), "the name of an attribute")
    attribute.name = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let type = try HDF5Handle(H5Aget_type(opened.id), "the type of an attribute")
    attribute.type = try datatype(type)
    attribute.isScalar = try extents(HDF5Handle(H5Aget_space(opened.id), "the space of an attribute")) == []
    guard attribute.isScalar else { return attribute }
    switch attribute.type.valueClass {
    case .integer:
      var number = Int64(0)
      try HDF5Library.check(H5Aread(opened.id, troupe_h5_native_int64(), &number), "the value of an attribute")
      attribute.number = number
    case .text where (1...largestAttribute).contains(attribute.type.byteCount):
      var bytes = [UInt8](repeating: 0, count: attribute.type.byteCount)
      try HDF5Library.check(H5Aread(opened.id, type.id, &bytes), "the value of an attribute")
      attribute.text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
    default: break
    }
    return attribute
  }
}
