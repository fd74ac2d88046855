import CPlatform
import Foundation
import Models
import Tensors

extension LaneThread {
  /// Runs `work` on a new thread per lane, and returns once all have finished.
  package static func run(_ lanes: Int, _ work: @escaping @Sendable (_ lane: Int) -> Void) {
    let all = DispatchGroup()
    for lane in 0..<lanes {
      all.enter()
      let thread = Thread {
        troupe_name_thread("lane \(lane)")
        prepare()
        work(lane)
        all.leave()
      }
      thread.stackSize = stackSize
      thread.start()
    }
    all.wait()
  }

  /// The same, each thread with a program of `plan` and its own memory.
  ///
  /// The threads share packed weights: the first one packs them, and the others wait for it.
  package static func run(
    _ lanes: Int, playing plan: ExecutionPlan, _ state: ModelState,
    _ work: @escaping @Sendable (_ lane: Int, _ program: LaneProgram) -> Void
  ) {
    let prepared = Arena(byteCount: plan.preparedByteCount)
    let preparation = DispatchGroup()
    preparation.enter()
    run(lanes) { lane in
      let program = LaneProgram(
        plan, state: state, activations: Arena(byteCount: plan.activationByteCount), prepared: prepared,
        store: PrimitiveStore())
      program.bind(sequenceState: Arena(byteCount: plan.sequenceStateByteCount))
      if lane == 0 {
        program.prepareAll()
        preparation.leave()
      } else {
        preparation.wait()
      }
      work(lane, program)
    }
  }

  private static let stackSize = 8 << 20
}
