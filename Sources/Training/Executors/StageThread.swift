import CPlatform
import DequeModule
import Dispatch
import Foundation
import Synchronization

/// A thread of its own that runs the jobs of the actors whose executor it is.
///
/// Stages block and compute, which would starve the shared cooperative pool. A stage's task also prefers its thread
/// (`executorPreference`), so that a resumed continuation comes straight back here; otherwise it would pass through the
/// pool, which allocates and wakes another thread. An idle thread first spins, because the next task of a step is
/// usually microseconds away and waking a sleeping core costs more than the task; then it sleeps.
// Sendable because its state is behind a mutex, an atomic and a semaphore.
package final class StageThread: SerialExecutor, TaskExecutor, @unchecked Sendable {
  package let name: String
  private let jobs = Mutex(RigidDeque<UnownedJob>(capacity: StageThread.capacity))
  private let pending = Atomic<Int>(0)
  private let isAsleep = Atomic<Bool>(false)
  private let isFinished = Atomic<Bool>(false)
  private let wakeUp = DispatchSemaphore(value: 0)
  private let spins: Int

  /// Jobs that can wait at once; a stage has a handful of tasks.
  private static let capacity = 256
  /// Turns of the spinning loop, about 50 µs: longer than a task, too short to matter on a shared core.
  package static let shortSpin = 1_500

  /// - Parameter spins: turns before sleeping; 0 for stages that must not take a core from the lanes.
  package init(_ name: String, spins: Int = 0, prepare: @escaping @Sendable () -> Void = {}) {
    self.name = name
    self.spins = spins
    let thread = Thread { [self] in
      // Linux keeps 15 characters of a thread's name.
      troupe_name_thread(String(name.prefix(15)))
      prepare()
      work()
    }
    thread.stackSize = 8 << 20
    thread.start()
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLock { $0.append(job) }
    pending.add(1, ordering: .sequentiallyConsistent)
    if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { wakeUp.signal() }
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  package func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

  /// Ends the thread once it has run all jobs. The actors on it must have finished.
  package func finish() {
    isFinished.store(true, ordering: .sequentiallyConsistent)
    if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { wakeUp.signal() }
  }

  private func work() {
    while true {
      if let job = next() {
        // Every job on this thread is isolated to it, whichever executor it was enqueued for.
        job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      } else if isFinished.load(ordering: .sequentiallyConsistent) {
        return
      } else {
        sleep()
      }
    }
  }

  private func next() -> UnownedJob? {
    var turns = 0
    while pending.load(ordering: .sequentiallyConsistent) == 0 {
      if turns >= spins { return nil }
      turns += 1
      troupe_pause()
    }
    pending.subtract(1, ordering: .sequentiallyConsistent)
    return jobs.withLock { $0.popFirst() }
  }

  private func sleep() {
    isAsleep.store(true, ordering: .sequentiallyConsistent)
    // A job that came in between has either seen the flag, and signals, or is seen here.
    if pending.load(ordering: .sequentiallyConsistent) > 0 || isFinished.load(ordering: .sequentiallyConsistent) {
      if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { return }
    }
    wakeUp.wait()
  }
}
