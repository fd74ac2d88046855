import Arenas
import Kernels

/// Plays micro-batches backwards on one lane's thread and joins their gradients as the summation tree says.
package actor BackwardStage {
  private nonisolated let thread: StageThread

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(thread: StageThread) { self.thread = thread }

  /// - Parameters:
  ///   - gradients: the lane's gradient buffers.
  ///   - buffer: where this micro-batch's gradients go.
  ///   - joins: how many times the topmost buffer is then added to the one below.
  /// - Returns: the tape, for the next micro-batch.
  func play(_ tape: consuming Tape, gradients: [Arena], buffer: Int, joins: Int) -> Tape {
    tape.program.bind(gradients: gradients[buffer])
    tape.program.backward()
    for join in 0..<joins {
      let top = buffer - join
      GradientKernel.merge(gradients[top].all(as: .float32), into: gradients[top - 1].all(as: .float32))
    }
    return tape
  }
}
