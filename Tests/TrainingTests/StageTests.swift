import Foundation
import Synchronization
import Testing
import Training

/// A noncopyable item.
private struct Ticket: ~Copyable, Sendable { let number: Int }

private func number(_ ticket: consuming Ticket?) -> Int? {
  if let ticket { ticket.number } else { nil }
}

@Suite struct HandoffQueueTests {
  @Test func keepsTheOrderAndTheBound() async {
    let filled = HandoffQueue<Ticket>(capacity: 4)
    let free = HandoffQueue<Ticket>(capacity: 4, wakesReceiverAt: 2)
    for number in 0..<4 { free.send(Ticket(number: number)) }
    let count = 20_000
    // Four tickets circulate: a queue that held more would trap.
    let sender = Task {
      for number in 0..<count {
        guard await free.receive() != nil else { return }
        filled.send(Ticket(number: number))
      }
      filled.close()
    }
    var expected = 0
    while let ticket = await filled.receive() {
      #expect(ticket.number == expected)
      expected += 1
      free.send(ticket)
    }
    await sender.value
    #expect(expected == count)
  }

  @Test func closingDeliversTheRest() async {
    let queue = HandoffQueue<Ticket>(capacity: 3)
    queue.send(Ticket(number: 1))
    queue.send(Ticket(number: 2))
    queue.close()
    #expect(number(await queue.receive()) == 1)
    #expect(await queue.waitForItem())
    #expect(number(queue.poll()) == 2)
    #expect(number(await queue.receive()) == nil)
    #expect(await !queue.waitForItem())
  }

  @Test func closingEndsAWait() async throws {
    let queue = HandoffQueue<Ticket>(capacity: 1)
    let waiting = Task { number(await queue.receive()) }
    try await Task.sleep(for: .milliseconds(20))
    queue.close()
    #expect(await waiting.value == nil)
  }

  @Test func wakesItsReceiverForEnoughItems() async throws {
    let queue = HandoffQueue<Ticket>(capacity: 8, wakesReceiverAt: 3)
    let woken = Mutex(false)
    async let waiting: Void = {
      _ = await queue.waitForItem()
      woken.withLock { $0 = true }
    }()
    try await Task.sleep(for: .milliseconds(20))
    queue.send(Ticket(number: 0))
    queue.send(Ticket(number: 1))
    try await Task.sleep(for: .milliseconds(20))
    #expect(woken.withLock { !$0 })
    queue.send(Ticket(number: 2))
    await waiting
    #expect(number(queue.poll()) == 0)
  }

  @Test func wakesItsReceiverAtOnceWhenUrged() async throws {
    let queue = HandoffQueue<Ticket>(capacity: 8, wakesReceiverAt: 8)
    let waiting = Task { number(await queue.receive()) }
    try await Task.sleep(for: .milliseconds(20))
    queue.send(Ticket(number: 7), urgently: true)
    #expect(await waiting.value == 7)
  }
}

/// An actor on its own thread.
private actor Hopper {
  nonisolated let thread: StageThread
  private(set) var threads: Set<ObjectIdentifier> = []
  private(set) var hops = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(_ thread: StageThread) { self.thread = thread }

  func hop() {
    hops += 1
    // Not pthread_self(): glibc calls it constant, so the optimizer carries its value from thread to thread.
    threads.insert(ObjectIdentifier(Thread.current))
  }

  /// Hops to another actor and back, `turns` times.
  func hop(with other: Hopper, turns: Int) async {
    for _ in 0..<turns {
      hop()
      await other.hop()
    }
  }

  /// Receives items on its own thread.
  func drain(_ queue: HandoffQueue<Int>) async -> Int {
    var sum = 0
    while let number = await queue.receive() {
      sum += number
      hop()
    }
    return sum
  }
}

@Suite(.serialized) struct StageThreadTests {
  private static func isRunning(_ name: String) -> Bool {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    return tasks.contains { task in
      (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8))?.hasPrefix(name) ?? false
    }
  }

  @Test(arguments: [0, StageThread.shortSpin])
  func runsManyHopsOnItsOwnThread(spins: Int) async throws {
    let (a, b) = (StageThread("hop a", spins: spins), StageThread("hop b", spins: spins))
    let (first, second, third) = (Hopper(a), Hopper(b), Hopper(a))
    await first.hop(with: second, turns: 5_000)
    await first.hop(with: third, turns: 5_000)
    #expect(await first.hops == 10_000)
    #expect(await second.hops == 5_000)
    #expect(await first.threads.count == 1)
    #expect(await first.threads == third.threads)
    #expect(await first.threads != second.threads)
    // Long enough for the thread to sleep.
    try await Task.sleep(for: .milliseconds(50))
    await second.hop()
    #expect(await second.hops == 5_001)
    a.finish()
    b.finish()
  }

  /// A continuation resumes on its own thread, whichever thread resumes it.
  @Test func comesBackToItsThreadAfterWaiting() async {
    let thread = StageThread("drain")
    let hopper = Hopper(thread)
    let queue = HandoffQueue<Int>(capacity: 1_000)
    let sum = Task(executorPreference: thread) { await hopper.drain(queue) }
    for number in 1...1_000 {
      queue.send(number)
      if number % 100 == 0 { await Task.yield() }
    }
    queue.close()
    #expect(await sum.value == 500_500)
    #expect(await hopper.threads.count == 1)
    thread.finish()
  }

  @Test func endsWhenFinished() async throws {
    let thread = StageThread("ends soon")
    await Hopper(thread).hop()
    #expect(Self.isRunning("ends soon"))
    thread.finish()
    for _ in 0..<200 where Self.isRunning("ends soon") { try await Task.sleep(for: .milliseconds(10)) }
    #expect(!Self.isRunning("ends soon"))
  }
}
