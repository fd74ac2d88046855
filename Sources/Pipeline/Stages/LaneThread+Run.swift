import CPlatform
import Foundation

extension LaneThread {
  /// Runs `work` on as many threads of its own as there are lanes, and returns once all have finished.
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

  private static let stackSize = 8 << 20
}
