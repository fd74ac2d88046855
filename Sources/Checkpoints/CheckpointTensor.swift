import Foundation
import Tensors

/// One tensor of a checkpoint: its path in the file, its shape, and its elements in memory.
package struct CheckpointTensor: Sendable {
  /// The HDF5 path without a leading slash, such as `parameters/hidden.0.weight`.
  package let path: String
  /// PyTorch's shape and order of axes.
  package let shape: TensorShape
  /// `shape.elementCount` elements of float32 or int32. Its arena must outlive every use of this value.
  package let slice: TensorSlice

  package init(path: String, shape: TensorShape, slice: TensorSlice) {
    precondition(
      shape.elementCount == slice.count, "\(path) has shape \(shape) but \(slice.count) elements")
    self.path = path
    self.shape = shape
    self.slice = slice
  }
}

/// The contents of a checkpoint that has passed every check.
package struct CheckpointSummary: Sendable {
  package struct Tensor: Sendable, Equatable {
    package let path: String
    package let shape: TensorShape
    package let type: ElementType

    package init(path: String, shape: TensorShape, type: ElementType) {
      self.path = path
      self.shape = shape
      self.type = type
    }
  }

  package let url: URL
  package var step: Int { metadata.step }
  /// SHA-256 of the whole file, 64 lowercase hexadecimal digits.
  package let digest: String
  /// Bytes of the file.
  package let byteCount: Int
  /// In the order of their paths.
  package let tensors: [Tensor]
  package let metadata: CheckpointMetadata
}
