import CHDF5
import JSON

/// The types of elements in memory that datasets are converted to.
package enum HDF5MemoryType: String, JSONValue {
  case uint8, int64, float32, float64

  var byteCount: Int {
    switch self {
    case .uint8: 1
    case .float32: 4
    case .int64, .float64: 8
    }
  }

  var library: hid_t {
    switch self {
    case .uint8: troupe_h5_native_uint8()
    case .int64: troupe_h5_native_int64()
    case .float32: troupe_h5_native_float()
    case .float64: troupe_h5_native_double()
    }
  }

  /// Whether elements in the file need no conversion.
  func isStored(as type: HDF5Datatype) -> Bool {
    switch self {
    case .uint8: type.isNative(.integer, byteCount: 1, isSigned: false)
    case .int64: type.isNative(.integer, byteCount: 8)
    case .float32: type.isNative(.float, byteCount: 4)
    case .float64: type.isNative(.float, byteCount: 8)
    }
  }
}
