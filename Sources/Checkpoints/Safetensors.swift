import Foundation
import Tensors

/// Files of tensors as PyTorch users exchange them (github.com/huggingface/safetensors, "Format").
///
/// The length of the header (u64, little-endian), the header (JSON, padded with spaces to 8 bytes), then the tensors'
/// bytes, row-major and without holes.
package enum Safetensors {
  /// The types of the format, by their names in it.
  package enum DataType: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case u8 = "U8"
    case i8 = "I8"
    case i16 = "I16"
    case u16 = "U16"
    case f16 = "F16"
    case bf16 = "BF16"
    case i32 = "I32"
    case u32 = "U32"
    case f32 = "F32"
    case i64 = "I64"
    case u64 = "U64"
    case f64 = "F64"

    package var byteCount: Int {
      switch self {
      case .bool, .u8, .i8: 1
      case .i16, .u16, .f16, .bf16: 2
      case .i32, .u32, .f32: 4
      case .i64, .u64, .f64: 8
      }
    }

    init(_ type: ElementType) {
      switch type {
      case .float32: self = .f32
      case .bfloat16: self = .bf16
      case .int32: self = .i32
      }
    }
  }

  /// A tensor as the header describes it.
  package struct Entry: Sendable, Equatable {
    package let name: String
    package let type: DataType
    /// Empty for a scalar; the format allows extents of 0.
    package let dimensions: [Int]
    /// Its bytes in the file; their number fits type and extents.
    package let range: Range<Int>
  }

  /// The tensors and texts of a file.
  package struct Contents: Sendable, Equatable {
    /// In the order of their bytes.
    package let entries: [Entry]
    package let metadata: [String: String]
  }

  static let metadataKey = "__metadata__"
  /// The format's own bound.
  static let largestHeader = 100_000_000
  static let lengthBytes = 8
  static let alignment = 8
}
