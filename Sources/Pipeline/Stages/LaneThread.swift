import CPlatform
import Kernels

/// What a thread that computes sets up before its first job.
package enum LaneThread {
  /// Denormals count as zero: vanishing gradients would otherwise cost a hundred cycles an operation. oneDNN's products stay
  /// on the thread that runs them.
  package static func prepare() {
    troupe_flush_denormals()
    OneDNN.useOneThread()
  }
}
