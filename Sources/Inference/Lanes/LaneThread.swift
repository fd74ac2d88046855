import CPlatform
import Kernels

/// How a thread computes.
package enum LaneThread {
  /// What a thread that only computes sets up before its first job.
  ///
  /// Denormals count as zero: vanishing gradients would otherwise cost a hundred cycles an operation. oneDNN's products stay
  /// on the thread that runs them.
  package static func prepare() {
    _ = troupe_flush_denormals()
    OneDNN.useOneThread()
  }

  /// Computes as a lane does on a thread that others use too, and leaves it as it was found.
  package static func perform<Result, Failure: Error>(
    _ work: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let before = troupe_flush_denormals()
    defer { troupe_restore_denormals(before) }
    OneDNN.useOneThread()
    return try work()
  }
}
