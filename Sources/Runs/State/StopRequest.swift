import CPlatform
import Files
import Foundation
import Synchronization

/// Whether somebody asked the run to stop: looked at between steps.
package final class StopRequest: Sendable {
  private let number = Atomic<Int32>(0)
  private let lastStep = Atomic<Int>(Int.max)
  private let pauseStep = Atomic<Int>(Int.max)

  package init() {}

  /// Asks for a stop once so many steps are done, as a signal at that moment would.
  package func stop(afterStep step: Int?) { lastStep.store(step ?? Int.max, ordering: .relaxed) }

  /// Asks for a pause once so many steps are done. What is due after that step, an evaluation above all, is done before.
  package func pause(afterStep step: Int) { pauseStep.store(step, ordering: .relaxed) }

  /// Whether a run with `step` steps behind it is to pause.
  package func pauses(after step: Int) -> Bool { step >= pauseStep.load(ordering: .relaxed) }

  /// The signal that asks a run with `step` steps behind it to stop.
  package func signal(after step: Int) -> Int32? {
    signal ?? (step >= lastStep.load(ordering: .relaxed) ? SIGINT : nil)
  }

  /// The signal that asked; nil if none did.
  package var signal: Int32? {
    let value = number.load(ordering: .relaxed)
    return value == 0 ? nil : value
  }

  package func ask(_ signal: Int32) { number.store(signal, ordering: .relaxed) }
}

/// Turns the signals that ask a process to end into a request to save and stop.
///
/// Terminals send INT and HUP, batch systems TERM, USR1 or USR2, and the kernel XCPU and XFSZ at a limit. A signal that the
/// process was started to ignore stays ignored, as nohup wants.
///
/// The handler does the one thing that it may: it writes the signal's number into a pipe, whose reader has a thread of its own.
/// From the moment that this is made no signal is lost, which a dispatch source cannot promise.
package final class SignalWatch: Sendable {
  private static let watched = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ]
  /// After any signal, these end the process at once: a person waits. The others come more than once by themselves, from a
  /// terminal and its shell, or every second at a limit.
  private static let impatient = [SIGINT, SIGTERM]

  private let handled: [Int32]

  /// - Parameter notice: receives the first signal.
  package init(_ request: StopRequest, notice: @escaping @Sendable (Int32) -> Void = { _ in }) {
    var ends: [Int32] = [-1, -1]
    // Without a pipe, which only a process out of descriptors meets, signals keep their default action.
    guard pipe(&ends) == 0 else {
      handled = []
      return
    }
    let readingEnd = ends[0]
    signalPipe.store(ends[1], ordering: .releasing)
    let reader = Thread {
      var isRepeated = false
      while let number = try? FileSystemCalls.real.receive(from: readingEnd, "signals", atMost: 1).first, number != 0 {
        // Others may have asked before: only a signal after a signal is impatience.
        if isRepeated, SignalWatch.impatient.contains(Int32(number)) { _exit(128 + Int32(number)) }
        guard !isRepeated else { continue }
        isRepeated = true
        request.ask(Int32(number))
        notice(Int32(number))
      }
      close(readingEnd)
    }
    reader.name = "signals"
    reader.start()
    // A shell ignores both for what it starts in the background, where no terminal can send them but a script may.
    let isInBackground = SignalWatch.isIgnored(SIGINT) && SignalWatch.isIgnored(SIGQUIT)
    handled = SignalWatch.watched.filter { !SignalWatch.isIgnored($0) || $0 == SIGINT && isInBackground }
    for number in handled {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = tell
      action.sa_flags = SA_RESTART
      sigaction(number, &action, nil)
    }
  }

  deinit {
    for number in handled { signal(number, SIG_DFL) }
    Self.surviveFileSizeLimit()
    tell(0)
    let end = signalPipe.exchange(-1, ordering: .acquiring)
    if end >= 0 { close(end) }
  }

  /// Makes writes beyond the limit on file sizes fail, instead of ending the process; an inherited "ignore" does so too.
  package static func surviveFileSizeLimit() {
    if !isIgnored(SIGXFSZ) { signal(SIGXFSZ) { _ in } }
  }

  private static func isIgnored(_ number: Int32) -> Bool { troupe_ignores_signal(number) }
}

/// Where the handler writes; -1 while nobody watches.
private let signalPipe = Atomic<Int32>(-1)

/// The handler: only what is safe in one.
private func tell(_ number: Int32) {
  let saved = errno
  var byte = UInt8(truncatingIfNeeded: number)
  _ = write(signalPipe.load(ordering: .acquiring), &byte, 1)
  errno = saved
}
