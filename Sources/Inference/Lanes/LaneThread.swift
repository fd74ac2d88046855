import CPlatform
import Kernels

/// The floating-point environment of threads that compute.
package enum LaneThread {
  /// Prepares a thread that only computes.
  ///
  /// Denormals count as zero: vanishing gradients would otherwise cost a hundred cycles per operation. oneDNN's
  /// products stay on the calling thread.
  package static func prepare() {
    _ = troupe_flush_denormals()
    OneDNN.useOneThread()
  }

  /// Computes as on a lane, on a thread with other users, and restores its environment.
  package static func perform<Result, Failure: Error>(
    _ work: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let before = troupe_flush_denormals()
    defer { troupe_restore_denormals(before) }
    OneDNN.useOneThread()
    return try work()
  }
}
